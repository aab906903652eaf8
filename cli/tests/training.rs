//! The trainer from the command line: from raw text to a model that searches, and what is said where that cannot be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const RECIPE: &str = r#"
[model]
hidden_size = 32
num_hidden_layers = 2
num_attention_heads = 2
intermediate_size = 48
vocab_size = 300
max_length = 64

[schedule]
peak_lr = 3e-3
warmup_steps = 5

[[pretrain.stage]]
steps = 30
length = 64
tokens_per_step = 512
micro_batch_tokens = 512
corpora = [{ path = "text" }]

[contrastive]
steps = 10
batch = 6
micro_batch_tokens = 512
peak_lr = 1e-3
query_tokens = 16
document_tokens = 32
query_prefix = "query: "
sets = [{ path = "pairs.jsonl" }]

[run]
eval_every_steps = 10
checkpoint_every_steps = 10
log_every_steps = 1
heldout_documents = 2
"#;

const ANIMALS: [&str; 8] = ["otter", "badger", "heron", "beaver", "falcon", "salmon", "marten", "toad"];

fn neodex(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_neodex"));
    command.current_dir(dir).args(args).stdin(Stdio::null()).env("XDG_CACHE_HOME", dir.join("cache"));
    for name in ["NEODEX_DB", "NEODEX_MODEL", "NEODEX_DEVICE"] {
        command.env_remove(name);
    }
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}{}", text(&output.stdout), text(&output.stderr)))
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// A folder with a recipe, texts and pairs.
fn workshop() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(dir.path().join(name), text).unwrap();
    write("recipe.toml", RECIPE.to_owned());
    std::fs::create_dir(dir.path().join("text")).unwrap();
    let mut pairs = String::new();
    for (at, animal) in ANIMALS.iter().enumerate() {
        let other = ANIMALS[(at + 3) % ANIMALS.len()];
        let about = format!(
            "The {animal} lives near water and wakes early. An {other} keeps away from it in spring and sleeps.\n"
        );
        write(&format!("text/{animal}.txt"), about.repeat(12));
        pairs += &format!(
            "{{\"query\": \"where does the {animal} live\", \"positive\": \"The {animal} lives near water and wakes early.\"}}\n"
        );
    }
    write("pairs.jsonl", pairs);
    dir
}

#[test]
fn from_raw_text_to_a_model_that_searches() {
    let dir = workshop();
    let dir = dir.path();
    let tokenizer = neodex(dir, &["train", "tokenizer", "--recipe", "recipe.toml", "--output", "run", "--json"]);
    assert_eq!(status(&tokenizer), 0, "{}", text(&tokenizer.stderr));
    assert!(dir.join("run/tokenizer.json").is_file());

    let flags = ["--recipe", "recipe.toml", "--output", "run", "--device", "cpu", "--json"];
    let train = |part: &str, more: &[&str]| neodex(dir, &[&["train", part][..], &flags[..], more].concat());
    let prepared = train("pretrain", &["--prepare-only"]);
    assert_eq!((status(&prepared), json(&prepared)["steps"].as_u64()), (0, Some(0)), "{}", text(&prepared.stderr));
    let pretrained = train("pretrain", &[]);
    assert_eq!(status(&pretrained), 0, "{}", text(&pretrained.stderr));
    let summary = json(&pretrained);
    assert_eq!(
        (&summary["steps"], &summary["total_steps"], &summary["interrupted"]),
        (&30.into(), &30.into(), &false.into())
    );
    assert!(dir.join("run/model/model.safetensors").is_file() && dir.join("run/run.svg").is_file());
    let rows = std::fs::read_to_string(dir.join("run/metrics.jsonl")).unwrap();
    let losses: Vec<f64> = rows
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|row| row["kind"] == "heldout")
        .map(|row| row["loss"].as_f64().unwrap())
        .collect();
    assert!(losses.len() >= 3 && losses.last() < losses.first(), "the held-out loss falls: {losses:?}");

    let tuned = train("contrastive", &[]);
    assert_eq!(status(&tuned), 0, "{}", text(&tuned.stderr));
    assert_eq!(json(&tuned)["steps"], 10);
    let found = neodex(dir, &["search", "--in", "text", "--model", "run/model", "--json", "otter", "water"]);
    assert_eq!(status(&found), 0, "{}", text(&found.stderr));
    assert_eq!(json(&found)["mode"], "hybrid");
    let info = json(&neodex(dir, &["model", "info", "run/model", "--json"]));
    assert!(info.to_string().contains("query: "), "{info}");

    let plotted = json(&neodex(dir, &["train", "plot", "run", "--json"]));
    assert!(plotted["plot"].as_str().unwrap().ends_with("run.svg"));
    let again = train("pretrain", &["--resume"]);
    assert_eq!((status(&again), &json(&again)["steps"]), (0, &30.into()), "a finished run stays finished");
}

#[test]
fn a_mistake_ends_with_two_and_names_the_key() {
    let dir = workshop();
    let dir = dir.path();
    for (more, part) in [
        (["--set", "model.hidden_sise=3"], "hidden_sise"),
        (["--set", "pretrain.stage.0.length=900"], "pretrain.stage.0.length"),
        (["--set", "pretrain.stage.7.length=9"], "pretrain.stage.7"),
        (["--device", "cuda:99"], "cuda:99"),
        (["--data", "nowhere"], "nowhere"),
    ] {
        let args = [&["train", "pretrain", "--recipe", "recipe.toml", "--output", "run"][..], &more].concat();
        let refused = neodex(dir, &args);
        let said = text(&refused.stderr);
        assert_eq!(status(&refused), 2, "{said}");
        assert!(said.contains(part), "{said}");
    }
    let missing = neodex(dir, &["train", "pretrain", "--recipe", "nowhere.toml", "--output", "run"]);
    assert_eq!((status(&missing), text(&missing.stderr).contains("nowhere.toml")), (2, true));
    let nothing = neodex(dir, &["train", "plot", "text"]);
    assert_eq!((status(&nothing), text(&nothing.stderr).contains("metrics.jsonl")), (2, true));
}

#[test]
fn the_trainers_own_figures_can_be_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let checked = neodex(dir.path(), &["train", "check", "--device", "cpu", "--json"]);
    assert_eq!(status(&checked), 0, "{}", text(&checked.stderr));
    assert!(json(&checked)["sound"] == true && json(&checked)["rows"].as_array().unwrap().len() > 20);
    let args = [
        "train",
        "bench",
        "--shape",
        "1x64",
        "--length",
        "32",
        "--tokens",
        "64",
        "--vocab-size",
        "100",
        "--steps",
        "1",
    ];
    let timed = neodex(dir.path(), &[&args[..], &["--device", "cpu", "--json"]].concat());
    let row = &json(&timed)["rows"][0];
    assert!(row["tokens_per_second"].as_f64().unwrap() > 0.0 && row["tokens_per_step"] == 64, "{row}");
    assert_eq!(status(&neodex(dir.path(), &["train", "bench", "--shape", "12"])), 2);
    let exact = neodex(dir.path(), &[&args[..], &["--device", "cpu", "--json", "--compute", "f32"]].concat());
    assert_eq!(json(&exact)["rows"][0]["precision"], "f32");
    for wrong in ["bf16", "int8"] {
        let refused = neodex(dir.path(), &[&args[..], &["--device", "cpu", "--compute", wrong]].concat());
        assert_eq!(status(&refused), 2, "{wrong}");
        assert!(text(&refused.stderr).contains("bf16x2"), "{}", text(&refused.stderr));
    }
}

#[test]
fn negatives_are_near_the_query_and_not_its_answer() {
    let dir = workshop();
    let dir = dir.path();
    let args = ["mine", "pairs.jsonl", "--output", "mined.jsonl", "--count", "2", "--margin", "9", "--json"];
    let mined = neodex(dir, &args);
    assert_eq!(status(&mined), 0, "{}", text(&mined.stderr));
    let report = json(&mined);
    assert_eq!((&report["pairs"], &report["negatives"], &report["missed"]), (&8.into(), &16.into(), &0.into()));
    for line in std::fs::read_to_string(dir.join("mined.jsonl")).unwrap().lines() {
        let pair: Value = serde_json::from_str(line).unwrap();
        let negatives = pair["negatives"].as_array().unwrap();
        assert!(negatives.len() == 2 && !negatives.contains(&pair["positive"]) && pair["query"].is_string(), "{pair}");
    }
    // All positives have the same words but one, so nothing is far enough below.
    let strict = neodex(dir, &["mine", "pairs.jsonl", "--output", "strict.jsonl", "--margin", "0.01", "--json"]);
    assert_eq!((status(&strict), &json(&strict)["negatives"]), (1, &0.into()));
    let bad = neodex(dir, &["mine", "recipe.toml", "--output", "x.jsonl"]);
    assert_eq!((status(&bad), text(&bad.stderr).contains("line 2")), (2, true));
    assert!(!dir.join("x.jsonl").exists() && !dir.join("x.partial").exists());
}

/// Stopped in the middle by every way there is, and on with --resume: the same loss at every step and the same weights, bit for bit, as in
/// one go.
#[cfg(unix)]
#[test]
fn a_stopped_run_goes_on_as_if_it_had_not_been() {
    let dir = workshop();
    let dir = dir.path();
    let args = |part: &str, output: &str| -> Vec<String> {
        let fixed = ["train", part, "--recipe", "recipe.toml", "--device", "cpu", "--json", "--output", output];
        let length = ["--set", "pretrain.stage.0.steps=60", "--set", "contrastive.steps=80"];
        [&fixed[..], &length[..]].concat().iter().map(|arg| (*arg).to_owned()).collect()
    };
    let second_stage = "\n[[pretrain.stage]]\nsteps = 40\nlength = 48\ntokens_per_step = 512\nmicro_batch_tokens = 256\n\
                        packing = \"separate\"\nmasking = \"80-10-10\"\ncorpora = [{ path = \"text\" }]\n";
    let (before, after) = RECIPE.split_once("\n[contrastive]").unwrap();
    std::fs::write(dir.join("recipe.toml"), format!("{before}{second_stage}\n[contrastive]{after}")).unwrap();
    let whole = |part: &str, output: &str, more: &[&str]| {
        let args = args(part, output);
        let run = neodex(dir, &args.iter().map(String::as_str).chain(more.iter().copied()).collect::<Vec<_>>());
        assert_eq!(status(&run), 0, "{}", text(&run.stderr));
        json(&run)["steps"].clone()
    };
    // Starts, waits for so many checkpoints, and sends the signal.
    let stop = |part: &str, resume: &[&str], checkpoints: usize, signal: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_neodex"));
        command.current_dir(dir).args(args(part, "parts")).args(resume).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let folder = dir.join("parts/checkpoints").join(part);
        let at_least = |step: u64| {
            let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
            names.filter_map(|name| name.strip_prefix("step-")?.parse::<u64>().ok()).any(|found| found >= step)
        };
        while !at_least(10 * checkpoints as u64) && child.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        // The run may have come to its end before the signal did; SIGKILL leaves no status.
        assert!(matches!(child.wait().unwrap().code(), Some(130 | 0) | None), "{signal}");
    };
    let losses = |output: &str, part: &str| -> Vec<(u64, String)> {
        let rows = std::fs::read_to_string(dir.join(output).join("metrics.jsonl")).unwrap();
        let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of_part = rows.filter(|row| row["phase"] == part);
        of_part.map(|row| (row["step"].as_u64().unwrap(), row["loss"].to_string())).collect()
    };
    let weights = |output: &str| std::fs::read(dir.join(output).join("model/model.safetensors")).unwrap();
    for (part, steps) in [("pretrain", 100), ("contrastive", 80)] {
        stop(part, &[], 1, "-INT");
        stop(part, &["--resume"], 4, "-KILL");
        stop(part, &["--resume"], 7, "-TERM");
        assert_eq!(whole(part, "parts", &["--resume"]), steps, "{part}");
        assert_eq!(whole(part, "whole", &[]), steps, "{part}");
        assert_eq!(losses("parts", part), losses("whole", part), "{part}");
        assert!(losses("parts", part).len() as u64 > steps && weights("parts") == weights("whole"), "{part}");
    }
}

#[test]
fn a_run_that_diverges_names_the_last_good_checkpoint() {
    let dir = workshop();
    let flags = ["train", "pretrain", "--recipe", "recipe.toml", "--device", "cpu", "--output", "run"];
    // Gradients so small that their squares are nothing: the second step is out of all bounds.
    let keys = ["optimizer.clip_norm=1e-25", "optimizer.eps=1e-38", "schedule.peak_lr=1", "schedule.warmup_steps=0"];
    let keys = keys.iter().flat_map(|key| ["--set", *key]);
    let args: Vec<&str> = flags.into_iter().chain(keys).chain(["--set", "run.checkpoint_every_steps=1"]).collect();
    let diverged = neodex(dir.path(), &args);
    let said = text(&diverged.stderr);
    assert_ne!(status(&diverged), 0, "{said}");
    assert!(
        said.contains("diverged at step") && said.contains("last good checkpoint") && said.contains("step-"),
        "{said}"
    );
}

#[test]
fn ranks_train_together() {
    let dir = workshop();
    let flags = ["train", "pretrain", "--recipe", "recipe.toml", "--device", "cpu", "--output", "run", "--json"];
    let together = neodex(dir.path(), &[&flags[..], &["--ranks", "2"]].concat());
    assert_eq!((status(&together), &json(&together)["steps"]), (0, &30.into()), "{}", text(&together.stderr));
    assert!(dir.path().join("run/model/model.safetensors").is_file());
    let none = neodex(dir.path(), &[&flags[..], &["--ranks", "0"]].concat());
    assert_eq!(status(&none), 2, "{}", text(&none.stderr));
}

/// A model made here teaches another one, whose vectors are narrower: nothing but the folder is needed.
#[test]
fn any_model_folder_teaches() {
    let dir = workshop();
    let dir = dir.path();
    let train = |part: &str, output: &str, keys: &[&str]| {
        let flags = ["train", part, "--recipe", "recipe.toml", "--device", "cpu", "--json", "--output", output];
        let keys = keys.iter().flat_map(|key| ["--set", *key]);
        neodex(dir, &flags.into_iter().chain(keys).collect::<Vec<_>>())
    };
    assert_eq!(status(&train("pretrain", "large", &["pretrain.stage.0.steps=2"])), 0);
    let taught = ["contrastive.teacher=large/model", "contrastive.infonce_weight=0", "model.hidden_size=16"];
    for weight in ["contrastive.distill_weight=1", "contrastive.score_distill_weight=1"] {
        let tuned = train("contrastive", "narrow", &[&taught[..], &[weight, "contrastive.steps=25"]].concat());
        assert_eq!(status(&tuned), 0, "{weight}: {}", text(&tuned.stderr));
        let rows = std::fs::read_to_string(dir.join("narrow/metrics.jsonl")).unwrap();
        let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let losses: Vec<f64> =
            rows.filter(|row| row["kind"] == "train").map(|row| row["loss"].as_f64().unwrap()).collect();
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        assert!(mean(&losses[20..]) < mean(&losses[..5]), "{weight}: {losses:?}");
    }
    // A wider one can take the teacher's scores, not its vectors.
    let wide = [taught[0], taught[1], "contrastive.steps=2", "model.hidden_size=64"];
    let scores = train("contrastive", "wide", &[&wide[..], &["contrastive.score_distill_weight=1"]].concat());
    assert_eq!(status(&scores), 0, "{}", text(&scores.stderr));
    let vectors = train("contrastive", "wide", &[&wide[..], &["contrastive.distill_weight=1"]].concat());
    assert_eq!(
        (status(&vectors), text(&vectors.stderr).contains("32 dimensions")),
        (2, true),
        "{}",
        text(&vectors.stderr)
    );
    let absent = train("contrastive", "wide", &["contrastive.teacher=nobody", "contrastive.distill_weight=1"]);
    assert_eq!((status(&absent), text(&absent.stderr).contains("nobody")), (2, true), "{}", text(&absent.stderr));
}

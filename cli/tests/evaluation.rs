//! Stories of measuring a model: MTEB's tasks, GLUE's, and words guessed in texts of several lengths, all on small made-up files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use harness::Place;
use serde_json::Value;

/// A NeoBERT of three layers and width 64, with its language-model head.
const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../encoder/tests/fixtures/neobert-tiny");
/// A task of every kind.
const TASKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../eval/tests/mteb");

#[test]
fn mteb_runs_every_task_once_and_leaves_its_result() {
    let place = Place::new();
    let report = place.json(0, &["eval", "mteb", TASKS, "--model", TINY]);
    let tasks = report["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 8, "{report}");
    for task in tasks {
        let text = std::fs::read_to_string(place.path(task["result"].as_str().unwrap())).unwrap();
        let result: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(result["task_name"], task["task"]);
        let entry = &result["scores"]["test"][0];
        assert!((entry["main_score"].as_f64().unwrap() - task["score"].as_f64().unwrap()).abs() < 1e-6);
        assert_eq!(entry["main_score"], entry[task["metric"].as_str().unwrap()], "{task}");
    }
    assert!(tasks[0]["result"].as_str().unwrap().starts_with("results/neodex__neobert-tiny/"), "{}", tasks[0]);

    // A result that is there is shown and not made again.
    let mut found: Value =
        serde_json::from_str(&std::fs::read_to_string(place.path(tasks[0]["result"].as_str().unwrap())).unwrap())
            .unwrap();
    found["scores"]["test"][0]["main_score"] = 0.123.into();
    place.write(tasks[0]["result"].as_str().unwrap(), found.to_string());
    let name = tasks[0]["task"].as_str().unwrap();
    let again = place.json(0, &["eval", "mteb", TASKS, "--model", TINY, "--task", name]);
    assert_eq!(again["tasks"][0]["score"], 0.123);
    let again = place.json(0, &["eval", "mteb", TASKS, "--model", TINY, "--task", name, "--overwrite"]);
    assert_eq!(again["tasks"][0]["score"], tasks[0]["score"]);

    let ran = place.run(&["eval", "mteb", TASKS, "--model", TINY]).expect(0);
    assert!(ran.stdout.contains("mean") && ran.stdout.contains("v_measure"), "{}", ran.stdout);
    let ran = place.run(&["eval", "mteb", TASKS, "--model", TINY, "--task", "Nothing"]).expect(2);
    assert!(ran.stderr.contains("Found, Heaps"), "{}", ran.stderr);
    place.run(&["eval", "mteb", TASKS]).expect(2);
}

/// Files of every task of GLUE, in its own layout: texts of `a` and texts of `b`.
fn glue(place: &Place) {
    let text = |number: usize| ["a a a", "b b b"][number % 2];
    let other = |number: usize| ["a b a", "b a b"][number / 2 % 2];
    let lines = |header: &str, count: usize, line: &dyn Fn(usize) -> String| {
        let body: String = (0..count).map(|number| line(number) + "\n").collect();
        format!("{header}{body}")
    };
    let both = |folder: &str, header: &str, dev: &[&str], line: &dyn Fn(usize) -> String| {
        place.write(&format!("GLUE/{folder}/train.tsv"), lines(header, 24, line));
        for name in dev {
            place.write(&format!("GLUE/{folder}/{name}.tsv"), lines(header, 8, line));
        }
    };
    let entailed = |number: usize| ["entailment", "not_entailment"][number % 2];
    both("CoLA", "", &["dev"], &|n| format!("x\t{}\t\t{}", n % 2, text(n)));
    // So many texts that no untrained head is right about all of them by chance.
    let rest = ["c d", "e f", "g h", "i j", "k l", "m n", "o p", "q r"];
    both("SST-2", "sentence\tlabel\n", &["dev"], &|n| {
        format!("{} {}\t{}", ["a", "b"][n % 2], rest[n / 2 % rest.len()], n % 2)
    });
    let header = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n";
    both("MRPC", header, &["dev"], &|n| format!("{}\t1\t2\t{}\t{}", n % 2, text(n), other(n)));
    let header = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n";
    both("STS-B", header, &["dev"], &|n| format!("{n}\tg\tf\t1\t1\ts\ts\t{}\t{}\t{}", text(n), other(n), n % 2 * 4));
    let header = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n";
    both("QQP", header, &["dev"], &|n| match n {
        3 => "3\t1\t2\ta broken line".to_owned(),
        n => format!("{n}\t1\t2\t{}\t{}\t{}", text(n), other(n), n % 2),
    });
    let header = "index\tpromptID\tpairID\tgenre\tp1\tp2\tp3\tp4\tsentence1\tsentence2\tlabel1\tgold_label\n";
    both("MNLI", header, &["dev_matched", "dev_mismatched"], &|n| {
        let label = ["entailment", "contradiction"][n % 2];
        format!("{n}\t1\t1\tg\tp\tp\tp\tp\t{}\t{}\t{label}\t{label}", text(n), other(n))
    });
    let header = "index\tquestion\tsentence\tlabel\n";
    both("QNLI", header, &["dev"], &|n| format!("{n}\t{}\t{}\t{}", text(n), other(n), entailed(n)));
    let header = "index\tsentence1\tsentence2\tlabel\n";
    both("RTE", header, &["dev"], &|n| format!("{n}\t{}\t{}\t{}", text(n), other(n), entailed(n)));
    both("WNLI", header, &["dev"], &|n| format!("{n}\t{}\t{}\t{}", text(n), other(n), n % 2));
}

#[test]
fn glue_tunes_every_task_and_passes_mnli_on() {
    let place = Place::new();
    glue(&place);
    let quick = ["--epochs", "1", "--batch", "8", "--learning-rate", "1e-4"];
    let mut args = vec!["eval", "glue", "GLUE", "--task", "wnli,all", "--model", TINY, "--save", "tuned"];
    args.extend(quick);
    let report = place.json(0, &args);
    let tasks = report["tasks"].as_array().unwrap();
    let names: Vec<&str> = tasks.iter().map(|task| task["task"].as_str().unwrap()).collect();
    assert_eq!(names, ["mnli", "wnli", "cola", "sst2", "mrpc", "stsb", "qqp", "qnli", "rte"]);
    for task in tasks {
        let from_mnli = ["mrpc", "stsb", "qnli", "rte"].contains(&task["task"].as_str().unwrap());
        assert_eq!(task["started_from"], if from_mnli { "mnli" } else { "neobert-tiny" }, "{task}");
        assert!(task["score"].as_f64().unwrap().is_finite());
    }
    assert_eq!(tasks[0]["metrics"].as_array().unwrap().len(), 2, "matched and mismatched");
    assert!(tasks[2]["metrics"][0]["matthews"].is_f64() && tasks[5]["metrics"][0]["pearson"].is_f64());
    assert!(tasks[4]["metrics"][0]["f1"].is_f64());

    // What was tuned is a model, and another run can start from it.
    let saved = place.path("tuned/mnli");
    let saved = saved.to_str().unwrap();
    place.run(&["embed", "a b", "--model", saved]).expect(0);
    let mut args = vec!["eval", "glue", "GLUE/RTE", "--task", "rte", "--model", TINY, "--start", saved];
    args.extend(quick);
    assert_eq!(place.json(0, &args)["tasks"][0]["started_from"], saved);
}

#[test]
fn glue_learns_and_keeps_the_best_of_a_grid() {
    let place = Place::new();
    glue(&place);
    let args = [
        "eval",
        "glue",
        "GLUE",
        "--task",
        "sst2",
        "--model",
        TINY,
        "--epochs",
        "8",
        "--batch",
        "8",
        "--learning-rate",
        "1e-9,1e-3",
        "--weight-decay",
        "0.01",
    ];
    let report = place.json(0, &args);
    let task = &report["tasks"][0];
    assert_eq!((&task["runs"], &task["learning_rate"]), (&2.into(), &1e-3.into()), "{report}");
    assert!(task["score"].as_f64().unwrap() > 0.9, "{report}");
    let ran = place.run(&["eval", "glue", "GLUE", "--task", "squad", "--model", TINY]).expect(2);
    assert!(ran.stderr.contains("no task `squad`"), "{}", ran.stderr);
    place.remove("GLUE/SST-2/dev.tsv");
    let ran = place.run(&["eval", "glue", "GLUE", "--task", "sst2", "--model", TINY]).expect(2);
    assert!(ran.stderr.contains("SST-2/dev.tsv"), "{}", ran.stderr);
}

#[test]
fn guessed_words_are_measured_by_length_and_drawn() {
    let place = Place::new();
    let long = "the quick brown fox jumps over the lazy dog. ".repeat(12);
    let records = format!("{{\"text\":\"{long}\"}}\n{{\"text\":\"too short\"}}\n{{\"text\":\"{}\"}}\n", &long[..180]);
    place.write("texts.jsonl", records);
    let args = ["eval", "pppl", "texts.jsonl", "--model", TINY, "--lengths", "32,128", "--positions", "8"];
    let report = place.json(0, &args);
    let lengths = report["lengths"].as_array().unwrap();
    let figures: Vec<(u64, u64, u64)> = lengths
        .iter()
        .map(|at| (at["length"].as_u64(), at["documents"].as_u64(), at["tokens"].as_u64()))
        .map(|(a, b, c)| (a.unwrap(), b.unwrap(), c.unwrap()))
        .collect();
    assert_eq!(figures, [(32, 2, 16), (128, 1, 8)]);
    let found = lengths[0]["pseudo_perplexity"].as_f64().unwrap();
    assert!(found > 1.0 && lengths[0]["low"].as_f64().unwrap() < found);
    let picture = std::fs::read_to_string(place.path("pppl.svg")).unwrap();
    assert!(picture.starts_with("<svg") && picture.matches("<circle").count() == 2);
    assert_eq!(place.json(0, &args), report, "nothing is drawn by lot");

    let ran = place.run(&["eval", "pppl", "texts.jsonl", "--model", TINY, "--lengths", "512"]).expect(2);
    assert!(ran.stderr.contains("the model's 256"), "{}", ran.stderr);
    let ran = place.run(&["eval", "pppl", "texts.jsonl", "--model", "small", "--lengths", "32"]).expect(2);
    assert!(ran.stderr.contains("no language-model head"), "{}", ran.stderr);
}

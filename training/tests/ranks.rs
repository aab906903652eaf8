//! Several ranks train the model that one would: their gradients add up to the same, and so do their runs, also where one number of ranks
//! stops and another goes on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use candle_core::{Device, Tensor};
use neodex_encoder::NeoBertConfig;
use neodex_training::contrastive::{Links, Objective, Sequence, Share, Texts};
use neodex_training::distributed::{ProcessGroup, Single, ThreadRank, Threads};
use neodex_training::model::{Initial, Keep, NeoBert, Precision};
use neodex_training::optimizer::reduce;
use neodex_training::pretrain::{
    Documents, MaskKey, MaskPolicy, MaskedBatch, Replacement, Specials, Window, batches, share,
};
use neodex_training::progress::{Silent, StepReport};
use neodex_training::{Observer, Phase, Random, Recipe, RunOptions, Summary, contrastive, pretrain};
use safetensors::SafeTensors;

const CPU: Device = Device::Cpu;

fn model(with_head: bool) -> NeoBert {
    let config = NeoBertConfig {
        hidden_size: 12,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 21,
        vocab_size: 61,
        max_length: 64,
        ..NeoBertConfig::default()
    };
    NeoBert::new(&config, Initial::Random(&mut Random::new(3)), with_head, Precision::F32, &CPU).unwrap()
}

fn on_each<T: Send>(world: usize, work: impl Fn(ThreadRank) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = Threads::group(world).into_iter().map(|rank| scope.spawn(move || work(rank))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// The gradients of every parameter, after `train` on each rank, put together again.
fn gradients(world: usize, with_head: bool, train: impl Fn(&NeoBert, &dyn ProcessGroup) + Sync) -> Vec<Vec<f32>> {
    let parts: Vec<Vec<Vec<f32>>> = on_each(world, |group| {
        let mut model = model(with_head);
        model.part(group.rank(), world).unwrap();
        train(&model, &group);
        let parts = reduce(&model.parameters(), &group).unwrap();
        parts.iter().map(|part| part.to_vec1().unwrap()).collect()
    });
    let model = model(with_head);
    let counts = model.parameters().into_iter().map(|parameter| parameter.grad().elem_count());
    counts
        .enumerate()
        .map(|(at, count)| parts.iter().flat_map(|of_rank| of_rank[at].clone()).take(count).collect())
        .collect()
}

fn assert_same(one: &[Vec<f32>], many: &[Vec<f32>]) {
    assert_eq!(one.len(), many.len());
    for (at, (one, many)) in one.iter().zip(many).enumerate() {
        assert_eq!(one.len(), many.len());
        let largest = one.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
        assert!(largest > 0.0, "parameter {at} has no gradient");
        for (a, b) in one.iter().zip(many) {
            assert!((a - b).abs() <= 1e-5 * largest, "parameter {at}: {a} {b}");
        }
    }
}

struct Text;

const TOKENS: [u16; 50] = {
    let mut tokens = [0; 50];
    let mut at = 0;
    while at < 50 {
        tokens[at] = 5 + (at * 7 % 56) as u16;
        at += 1;
    }
    tokens
};

impl Documents for Text {
    fn count(&self) -> usize {
        7
    }

    fn tokens(&self, index: usize) -> &[u16] {
        &TOKENS[..50 - 3 * index]
    }
}

/// A masked-language-model step as the trainer takes it; the windows lie flat or padded.
fn masked_step(model: &NeoBert, group: &dyn ProcessGroup, flat: bool) {
    let windows =
        (0..7).map(|document| vec![Window { corpus: 0, document, start: document, length: 20 + 3 * (document % 3) }]);
    let specials = Specials { cls: 1, sep: 2, mask: 3, pad: 0 };
    let policy = MaskPolicy { probability: 0.2, replacement: Replacement::Mask };
    let key = MaskKey { seed: 4, key: [0, 9] };
    let own = share(windows.collect(), group.rank(), group.world_size());
    let prepared: Vec<MaskedBatch> = batches(own, 60, flat)
        .iter()
        .map(|rows| MaskedBatch::new(rows, &[&Text], specials, policy, key, flat, &CPU).unwrap())
        .collect();
    let masked: f64 = prepared.iter().map(|batch| batch.work().predicted).sum();
    let masked = group.sum(&[masked]).unwrap()[0];
    for batch in &prepared {
        batch.train(model, Keep::Products, 1.0 / masked).unwrap();
    }
}

#[test]
fn the_gradients_of_masked_tokens_add_up() {
    let one = gradients(1, true, |model, group| masked_step(model, group, false));
    for world in [2, 3, 5] {
        assert_same(&one, &gradients(world, true, |model, group| masked_step(model, group, false)));
    }
    // Rows without padding are the same rows.
    assert_same(&one, &gradients(1, true, |model, group| masked_step(model, group, true)));
    assert_same(&one, &gradients(2, true, |model, group| masked_step(model, group, true)));
}

/// A contrastive step as the trainer takes it: every rank's vectors are candidates for every query.
fn contrastive_step(model: &NeoBert, group: &dyn ProcessGroup) -> f32 {
    let text = |start: u32, length: u32, spans: &[(u32, u32)]| Sequence {
        ids: (start..start + length).collect(),
        spans: spans.to_vec(),
    };
    let sequences = [
        text(2, 5, &[(0, 5)]),
        text(4, 26, &[(3, 12), (12, 25)]),
        text(30, 4, &[(0, 4)]),
        text(5, 17, &[(1, 16)]),
        text(9, 6, &[(0, 6)]),
        text(40, 20, &[(0, 8), (8, 19)]),
    ];
    let ids = |ids: &[u32]| Tensor::new(ids, &CPU).unwrap();
    let links = Links {
        documents: ids(&[1, 2, 4, 6, 7]),
        queries: ids(&[0, 3, 5]),
        inverse: ids(&[5, 0, 1, 6, 2, 7, 3, 4]),
        asking: ids(&[0, 1, 2]),
        positives: ids(&[1, 2, 4]),
    };
    let objective = Objective {
        temperature: 0.1,
        widths: vec![12, 6],
        infonce: 1.0,
        distill: 0.0,
        score_distill: 0.0,
        distill_temperature: 1.0,
        filter_margin: None,
    };
    let share = Share::new(&sequences, group, &CPU).unwrap();
    let texts = Texts::new(&share.sequences, 48, 0, &CPU).unwrap();
    let encoded = texts.encode(model, group.rank() == 0).unwrap();
    let vectors = share.gather(&encoded.vectors, group).unwrap();
    let outcome = objective.run(&vectors, &links, None).unwrap();
    texts.backward(model, encoded, &share.own(&outcome.gradient).unwrap(), Keep::Products).unwrap();
    outcome.loss.to_scalar().unwrap()
}

#[test]
fn the_gradients_of_pairs_add_up_over_all_candidates() {
    let train = |model: &NeoBert, group: &dyn ProcessGroup| {
        contrastive_step(model, group);
    };
    let one = gradients(1, false, train);
    for world in [2, 4] {
        assert_same(&one, &gradients(world, false, train));
    }
    let alone = contrastive_step(&model(false), &Single);
    for loss in on_each(3, |group| contrastive_step(&model(false), &group)) {
        assert!((loss - alone).abs() < 1e-5, "every rank sees the loss of the whole batch: {loss} {alone}");
    }
}

const RECIPE: &str = r#"
[model]
hidden_size = 32
num_hidden_layers = 2
num_attention_heads = 2
intermediate_size = 48
vocab_size = 200
max_length = 64

[schedule]
peak_lr = 1e-3
warmup_steps = 2

[[pretrain.stage]]
steps = 6
length = 48
tokens_per_step = 512
micro_batch_tokens = 128
corpora = [{ path = "text" }]

[[pretrain.stage]]
steps = 3
length = 64
tokens_per_step = 512
micro_batch_tokens = 512
packing = "separate"
corpora = [{ path = "text" }]

[contrastive]
steps = 8
batch = 6
micro_batch_tokens = 96
peak_lr = 1e-3
query_tokens = 16
document_tokens = 32
sets = [{ path = "pairs.jsonl" }]

[run]
eval_every_steps = 3
checkpoint_every_steps = 100
log_every_steps = 1
heldout_documents = 4
"#;

fn workshop(dir: &Path) -> Recipe {
    let animals = ["otter", "badger", "heron", "beaver", "falcon", "salmon", "marten", "toad", "newt", "carp"];
    let mut pairs = String::new();
    fs::create_dir(dir.join("text")).unwrap();
    for (at, animal) in animals.iter().enumerate() {
        let other = animals[(at + 3) % animals.len()];
        let about = format!("The {animal} lives near water and wakes early while the {other} keeps away and sleeps. ");
        fs::write(dir.join("text").join(format!("{animal}.txt")), about.repeat(2 + at % 4)).unwrap();
        pairs += &format!("{{\"query\": \"where is the {animal}\", \"positive\": \"{about}\"}}\n");
    }
    fs::write(dir.join("pairs.jsonl"), pairs.repeat(2)).unwrap();
    let mut recipe = Recipe::parse(RECIPE, Path::new("recipe.toml"), &[]).unwrap();
    recipe.folder = dir.to_owned();
    recipe
}

/// Stops a run after a step.
struct Stop(u64, Arc<AtomicBool>);

impl Observer for Stop {
    fn step(&mut self, report: &StepReport) {
        self.1.store(report.step == self.0, Ordering::Relaxed);
    }
}

fn run(recipe: &Recipe, phase: Phase, options: &RunOptions, stop: Option<u64>) -> Summary {
    let mut stop = stop.map(|step| Stop(step, Arc::clone(&options.interrupt)));
    let mut silent = Silent;
    let observer: &mut dyn Observer = match &mut stop {
        Some(stop) => stop,
        None => &mut silent,
    };
    match phase {
        Phase::Pretrain => pretrain::run(recipe, options, observer).unwrap(),
        Phase::Contrastive => contrastive::run(recipe, options, observer).unwrap(),
    }
}

type Weights = BTreeMap<String, Vec<f32>>;

fn weights(model: &Path) -> Weights {
    let bytes = fs::read(model.join("model.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let floats = |data: &[u8]| data.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let bare = |name: &str| name.trim_start_matches("model.").to_owned();
    tensors.tensors().into_iter().map(|(name, view)| (bare(&name), floats(view.data()))).collect()
}

/// How far two models are from each other in what both have, as a share of how far the first is from nothing.
fn distance(a: &Weights, b: &Weights) -> f64 {
    let square = |x: f64| x * x;
    let (mut apart, mut long) = (0.0, 0.0);
    for (name, a) in a {
        for (a, b) in a.iter().zip(b.get(name).into_iter().flatten()) {
            apart += square(f64::from(*a) - f64::from(*b));
            long += square(f64::from(*a));
        }
    }
    (apart / long).sqrt()
}

#[test]
fn runs_of_several_ranks_end_where_one_does() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = workshop(dir.path());
    let start = |name: &str, ranks: usize| RunOptions { ranks, ..RunOptions::new(dir.path().join(name)) };
    let one = start("one", 1);
    let whole = run(&recipe, Phase::Pretrain, &one, None);
    let pretrained = weights(&one.model());
    let tuned_whole = run(&recipe, Phase::Contrastive, &one, None);
    let tuned = weights(&one.model());
    assert!(distance(&pretrained, &tuned) > 1e-2);

    let many = start("many", 2);
    // Two ranks stop in the first stage; three go on from there.
    let stopped = run(&recipe, Phase::Pretrain, &many, Some(4));
    assert!(stopped.interrupted && (4..=5).contains(&stopped.steps), "{stopped:?}");
    let on = |ranks: usize| RunOptions { resume: true, ranks, ..RunOptions::new(&many.output) };
    let resumed = run(&recipe, Phase::Pretrain, &on(3), None);
    assert_eq!((resumed.steps, resumed.tokens), (whole.steps, whole.tokens));
    let apart = distance(&pretrained, &weights(&many.model()));
    assert!(apart < 1e-4, "{apart}");
    let close = |a: Option<f64>, b: Option<f64>| (a.unwrap() - b.unwrap()).abs() < 1e-3;
    assert!(
        close(whole.heldout_loss, resumed.heldout_loss) && close(whole.loss, resumed.loss),
        "{whole:?} {resumed:?}"
    );

    let stopped = run(&recipe, Phase::Contrastive, &start("many", 3), Some(3));
    assert!(stopped.interrupted, "{stopped:?}");
    let resumed = run(&recipe, Phase::Contrastive, &on(2), None);
    assert_eq!((resumed.steps, resumed.tokens), (tuned_whole.steps, tuned_whole.tokens));
    let apart = distance(&tuned, &weights(&many.model()));
    assert!(apart < 1e-3, "{apart}");
    assert!(close(tuned_whole.heldout_loss, resumed.heldout_loss), "{tuned_whole:?} {resumed:?}");
}

#[test]
fn a_run_of_several_ranks_repeats_itself_to_the_bit() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = workshop(dir.path());
    let end = |name: &str| {
        let options = RunOptions { ranks: 2, ..RunOptions::new(dir.path().join(name)) };
        run(&recipe, Phase::Pretrain, &options, None);
        run(&recipe, Phase::Contrastive, &options, None);
        weights(&options.model())
    };
    assert_eq!(end("first"), end("second"));
}

#[test]
fn what_stops_one_rank_stops_all_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut recipe = workshop(dir.path());
    // A file stands where checkpoints should: the first rank cannot write, and the others must hear of it.
    let options = RunOptions { ranks: 2, ..RunOptions::new(dir.path().join("run")) };
    fs::create_dir_all(&options.output).unwrap();
    recipe.run.checkpoint_every_steps = 2;
    struct Block(std::path::PathBuf);
    impl Observer for Block {
        fn step(&mut self, report: &StepReport) {
            if report.step == 1 {
                fs::write(&self.0, "in the way").unwrap();
            }
        }
    }
    let mut block = Block(options.output.join("checkpoints"));
    let error = pretrain::run(&recipe, &options, &mut block).unwrap_err();
    assert!(error.to_string().contains("checkpoints"), "{error}");
}

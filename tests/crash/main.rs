//! The database is killed, over and over, in the middle of everything it does, and must lose nothing that it acknowledged.
//!
//! A child process inserts, replaces, deletes, searches, takes snapshots and compacts from several threads, and says on a pipe what it is about
//! to do and what was acknowledged. It dies by `SIGKILL` at a random moment, or ends itself at a named point around a write (`failpoint`). With
//! `--power-loss` what survives is only what was forced to the disk (`power`). The parent opens what is left and compares it with a model:
//! nothing lost, nothing doubled, nothing back from the dead, both indexes agree, every snapshot that was acknowledged restores.
//!
//! `cargo test --test crash` runs 20 rounds of kills and a few of power loss; `cargo test --test crash -- --rounds 1000 --power-loss 200 --seed 7` more.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::indexing_slicing)]

mod check;
mod child;
mod figures;
mod model;
mod power;
#[path = "../words/mod.rs"]
mod words;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use model::{Model, Random};
use neodex_storage::failpoint::POINTS;

/// How long a child may live at most; one that ends at a point usually ends sooner, and is given more.
const LIFE: Duration = Duration::from_millis(900);
/// How long it may take until the first acknowledgement.
const STARTING: Duration = Duration::from_secs(20);

/// What is asked for.
struct Plan {
    rounds: u64,
    power_loss: u64,
    seed: u64,
}

impl Plan {
    /// From the command line; whatever the test runner adds is none of our business. `None` for a mere list of tests.
    fn read(args: &[String]) -> Option<Self> {
        let number = |flag: &str, otherwise: u64| {
            let at = args.iter().position(|arg| arg == flag);
            at.and_then(|at| args.get(at + 1)).map_or(otherwise, |number| number.parse().expect("a number"))
        };
        let seed = number("--seed", 1);
        let plan = Self { rounds: number("--rounds", 20), power_loss: number("--power-loss", 4), seed };
        (!args.iter().any(|arg| arg == "--list")).then_some(plan)
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == child::WORD) {
        return child::run(&args[1..]);
    }
    if args.first().is_some_and(|arg| arg == figures::FILL) {
        return figures::run(&args[1..]);
    }
    match args.as_slice() {
        [.., figure, number] if figure == "--reopen" => return figures::reopen(number.parse().expect("a number")),
        [.., figure, number] if figure == "--churn" => return figures::churn(number.parse().expect("a number")),
        _ => {}
    }
    let Some(plan) = Plan::read(&args) else { return };
    let mut random = Random::new(plan.seed);
    let mut dir = tempfile::tempdir().unwrap();
    // What a check did not like can be looked at.
    dir.disable_cleanup(std::env::var_os("NEODEX_TEST_KEEP").is_some());
    let mut tally = Tally::default();
    let mut model = Model::default();
    let path = dir.path().join("db");
    for round in 0..plan.rounds {
        let end = End::choose(&mut random, round);
        let child = spawn(&path, round, &end, &[]);
        let died = live(child, &end, &mut model);
        tally.note(&end, died);
        let opening = Instant::now();
        check::check(&path, &mut model, round);
        tally.reopened(opening.elapsed());
        // A database that grows for ever is slow to check, and only the first rounds would see a small one.
        if round % 25 == 24 {
            std::fs::remove_dir_all(&path).unwrap();
            model.forget();
        }
    }
    power::rounds(dir.path(), plan.power_loss, &mut random, &mut tally);
    tally.print(model.acknowledged);
    assert!(model.acknowledged > plan.rounds * 5, "only {} operations were acknowledged", model.acknowledged);
}

/// How a child is to end.
pub(crate) enum End {
    /// Killed so long after its start.
    Opening(Duration),
    /// Killed so long after its first acknowledgement.
    Killed(Duration),
    /// By itself, the nth time it comes to this point.
    At(&'static str, u64),
}

impl End {
    fn choose(random: &mut Random, round: u64) -> Self {
        if round.is_multiple_of(2) {
            let life = Duration::from_millis(random.below(LIFE.as_millis() as u64));
            return if round % 8 == 6 { Self::Opening(life / 4) } else { Self::Killed(life) };
        }
        let point = POINTS[(round / 2 + random.below(2)) as usize % POINTS.len()];
        let often = point.starts_with("commit.") || point.starts_with("index.apply");
        Self::At(point, 1 + random.below(if often { 150 } else { 2 }))
    }
}

/// Starts the child.
pub(crate) fn spawn(path: &Path, round: u64, end: &End, variables: &[(&str, &Path)]) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(child::WORD).arg(path).arg(round.to_string());
    if let End::At(point, nth) = end {
        command.arg(point).arg(nth.to_string());
    }
    command.envs(variables.iter().copied());
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Lets the child live until its end; whether it came to it by itself.
pub(crate) fn live(mut child: Child, end: &End, model: &mut Model) -> bool {
    let output = child.stdout.take().unwrap();
    let (acknowledged, first) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        let tell = |line: &String| {
            // Nobody listens any more after the first.
            let _ = line.starts_with('!').then(|| acknowledged.send(()));
        };
        lines.inspect(tell).collect::<Vec<_>>()
    });
    let life = match end {
        End::Opening(life) | End::Killed(life) => *life,
        End::At(..) => 4 * LIFE,
    };
    // On a busy machine it takes a while until there is anything to lose. The channel ends with the child.
    if !matches!(end, End::Opening(_)) {
        let _ = first.recv_timeout(STARTING);
    }
    let started = Instant::now();
    let mut by_itself = child.try_wait().unwrap().is_some();
    while started.elapsed() < life && !by_itself {
        std::thread::sleep(Duration::from_millis(5).min(life));
        by_itself = child.try_wait().unwrap().is_some();
    }
    if !by_itself {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    assert!(!status.success() && status.code().is_none(), "the child gave up by itself: {status}");
    for line in reader.join().unwrap() {
        model.hear(&line);
    }
    by_itself
}

/// What has been done so far.
#[derive(Default)]
pub(crate) struct Tally {
    killed: u64,
    at_points: std::collections::BTreeMap<&'static str, u64>,
    missed_points: u64,
    pub(crate) power_losses: u64,
    slowest: Duration,
}

impl Tally {
    fn note(&mut self, end: &End, died: bool) {
        match end {
            End::At(point, _) if died => *self.at_points.entry(point).or_default() += 1,
            End::At(..) => self.missed_points += 1,
            End::Opening(_) | End::Killed(_) => self.killed += 1,
        }
    }

    fn reopened(&mut self, elapsed: Duration) {
        self.slowest = self.slowest.max(elapsed);
    }

    fn print(&self, acknowledged: u64) {
        println!(
            "{} killed at random moments, {} ended at {} named points ({} did not come to theirs and were killed), {} lost power",
            self.killed,
            self.at_points.values().sum::<u64>(),
            self.at_points.len(),
            self.missed_points,
            self.power_losses,
        );
        println!("{acknowledged} operations acknowledged, 0 lost; slowest opening with its check {:?}", self.slowest);
        println!("points: {:?}", self.at_points);
    }
}

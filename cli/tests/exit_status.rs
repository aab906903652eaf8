//! Every way to go wrong has its status and says what to do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use std::io::{Read, Write};
use std::process::Stdio;

use harness::{Place, is_database};

#[test]
fn help_lists_every_command_and_every_command_has_an_example() {
    let place = Place::new();
    let commands = [
        "ingest", "search", "get", "delete", "stats", "reembed", "embed", "model", "verify", "repair", "compact",
        "snapshot", "export", "import", "eval", "bench",
    ];
    for args in [&["--help"][..], &[][..]] {
        let help = place.run(args).expect(0).stdout;
        for command in commands {
            assert!(help.contains(&format!("\n  {command} ")), "{command} in {help}");
        }
    }
    let nested = [
        ["model", "info"],
        ["model", "list"],
        ["eval", "beir"],
        ["eval", "fusion"],
        ["eval", "sts"],
        ["bench", "ingest"],
        ["bench", "search"],
        ["snapshot", "create"],
        ["snapshot", "restore"],
    ];
    let all = commands.iter().map(std::slice::from_ref).chain(nested.iter().map(<[&str; 2]>::as_slice));
    for command in all {
        let help = place.run(&[command, &["--help"]].concat()).expect(0).stdout;
        assert!(help.contains("Example:\n  "), "{command:?}: {help}");
    }
    assert!(place.run(&["--version"]).expect(0).stdout.starts_with("neodex "));
}

#[test]
fn usage_that_cannot_work_is_status_two_and_makes_nothing() {
    let place = Place::with_docs();
    let cases: &[(&[&str], &str)] = &[
        (&["ingest", "docs", "nowhere"], "nowhere"),
        (&["ingest", "-", "--prune"], "--prune"),
        (&["ingest", "-", "--format", "pdf"], "JSON Lines"),
        (&["ingest", "docs", "--metadata", "shelf"], "KEY=VALUE"),
        (&["ingest", "docs", "--format", "wordperfect"], "wordperfect"),
        (&["ingest", "docs", "--model", "nosuch"], "nosuch"),
        (&["ingest", "docs", "--device", "abacus"], "abacus"),
        (&["ingest", "docs", "--config", "nosuch.toml"], "nosuch.toml"),
        (&["search", "x"], "no database"),
        (&["search", "x", "--limit", "0"], "at least 1"),
        (&["search", "x", "--mode", "psychic"], "psychic"),
        (&["search", "x", "--in", "nowhere"], "nowhere"),
        (&["search"], "QUERY"),
        (&["get", "x"], "no database"),
        (&["delete"], "ID"),
        (&["embed", "text"], "--model"),
        (&["model", "info", "nosuch"], "nosuch"),
        (&["eval", "beir", "docs"], "corpus.jsonl"),
        (&["eval", "sts", "nosuch.tsv"], "nosuch.tsv"),
        (&["fetch"], "fetch"),
    ];
    for (args, said) in cases {
        let ran = place.run(args).expect(2);
        assert!(ran.stderr.contains(said), "{args:?}: {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{args:?}: {}", ran.stdout);
    }
    assert!(!is_database(&place.path("neodex.db")));
}

#[test]
fn mistakes_in_a_filter_are_shown_at_their_place() {
    let place = Place::with_docs();
    place.run(&["ingest", "docs"]).expect(0);
    let ran = place.run(&["search", "machine", "--filter", "year ="]).expect(2);
    assert!(ran.stderr.contains("year =") && ran.stderr.contains('^'), "{}", ran.stderr);
    let ran = place.run(&["delete", "--filter", "colour = 'red'"]).expect(2);
    assert!(ran.stderr.contains("colour") && ran.stderr.contains("year"), "{}", ran.stderr);
    let ran = place.run(&["search", "machine", "--mode", "dense"]).expect(2);
    assert!(ran.stderr.contains("--model"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("searching by words only"), "dense does not search by words: {}", ran.stderr);
    place.run(&["search", "machine", "--weights", "dense=-1"]).expect(2);
}

#[test]
fn a_database_somebody_has_is_status_three() {
    let place = Place::with_docs();
    // An ingest that waits for its input keeps the database; that it says so shows that it has it.
    let mut holder = place
        .command(&["ingest", "-", "-v"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = holder.stdin.take().unwrap();
    input.write_all(b"{\"id\":\"a\",\"text\":\"held\"}\n").unwrap();
    input.flush().unwrap();
    while !is_database(&place.path("neodex.db")) || !place.path("neodex.db/LOCK").is_file() {
        assert!(holder.try_wait().unwrap().is_none(), "the holder went away");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let ran = place.run(&["stats"]).expect(3);
    assert!(ran.stderr.contains(&holder.id().to_string()), "the holder is named: {}", ran.stderr);
    drop(input);
    let mut said = String::new();
    holder.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(holder.wait().unwrap().success(), "{said}");
    place.run(&["get", "a"]).expect(0);
}

#[test]
fn a_database_of_a_newer_format_or_a_damaged_one_is_status_three() {
    let place = Place::with_docs();
    place.run(&["ingest", "docs"]).expect(0);
    let format = place.path("neodex.db/FORMAT");
    let text = std::fs::read_to_string(&format).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    let newer = first.replace(|c: char| c.is_ascii_digit(), "9");
    assert_ne!(newer, first, "the first line names the version");
    std::fs::write(&format, format!("{newer}\n{rest}")).unwrap();
    let ran = place.run(&["search", "machine"]).expect(3);
    assert!(ran.stderr.contains('9'), "{}", ran.stderr);
    std::fs::write(&format, "something else entirely\n").unwrap();
    place.run(&["stats"]).expect(3);
    std::fs::write(&format, text).unwrap();
    place.run(&["search", "machine"]).expect(0);
}

#[test]
fn long_and_odd_queries_get_an_answer() {
    let place = Place::with_docs();
    place.run(&["ingest", "docs"]).expect(0);
    let long = "machine word ".repeat(5_000);
    place.run(&["search", &long]).expect(0);
    for query in ["\"", "((", "machine AND", "\u{0}", "汉字", "-", "'"] {
        if query.contains('\0') {
            continue;
        }
        let status = place.run(&["search", "--", query]).status;
        assert!([0, 1, 2].contains(&status), "{query:?} ended with {status}");
    }
}

#[test]
fn a_closed_pipe_is_success() {
    let place = Place::with_docs();
    place.write("docs/long.txt", "many words of text\n".repeat(200_000));
    place.run(&["ingest", "docs"]).expect(0);
    let mut child = place.command(&["get", "long.txt"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 16];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    harness::Ran::from(child.wait_with_output().unwrap()).expect(0);
}

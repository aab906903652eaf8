//! GLUE's files as they are, quirks included, and its metrics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use neodex_eval::glue::{Examples, GlueTask, Split, Target, read};

/// Two examples of each task in the columns of its own files.
const FILES: [(GlueTask, &str); 9] = [
    (GlueTask::Cola, "gj04\t1\t\tThe \"boy\" left.\ngj04\t0\t*\tThe boy leave.\n"),
    (GlueTask::Sst2, "sentence\tlabel\na fine film \t1\na poor film \t0\n"),
    (
        GlueTask::Mrpc,
        "\u{feff}Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n1\t7\t8\tHe said \"yes.\tHe agreed.\r\n0\t9\t10\tIt rose.\tIt fell.\r\n",
    ),
    (
        GlueTask::Stsb,
        "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n\
         0\tmain-news\tx\t2012\t1\tnone\tnone\tA plane flies.\tA plane is flying.\t5.000\n\
         1\tmain-news\tx\t2012\t4\tnone\tnone\tA man eats.\tA dog runs.\t0.25\n",
    ),
    (
        GlueTask::Qqp,
        "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t2\t3\tHow old is it?\tWhat is its age?\t1\n\
         4\t5\t6\tbroken in the middle\n7\t8\t9\tWhere is it?\tWhen is it?\t0\n",
    ),
    (
        GlueTask::Mnli,
        "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\tsentence2_parse\
         \tsentence1\tsentence2\tlabel1\tgold_label\n\
         0\t1\t1n\tfiction\tp\tp\tp\tp\tIt rained.\tIt was wet.\tneutral\tneutral\n\
         1\t1\t1c\tfiction\tp\tp\tp\tp\tIt rained.\tNobody knows.\tneutral\t-\n\
         2\t1\t1e\tfiction\tp\tp\tp\tp\tIt rained.\tIt was dry.\tcontradiction\tcontradiction\n",
    ),
    (
        GlueTask::Qnli,
        "index\tquestion\tsentence\tlabel\n0\tWhen?\tIn 1900.\tentailment\n1\tWho?\tIn 1900.\tnot_entailment\n",
    ),
    (
        GlueTask::Rte,
        "index\tsentence1\tsentence2\tlabel\n0\tNo one came.\tAll came.\tnot_entailment\n1\tAll came.\tMost came.\tentailment\n",
    ),
    (
        GlueTask::Wnli,
        "index\tsentence1\tsentence2\tlabel\n0\tIt fell.\tThe cup fell.\t1\n1\tIt fell.\tThe mat fell.\t0\n",
    ),
];

fn parse(task: GlueTask, text: &str) -> Examples {
    read(task, text.as_bytes(), Path::new("f.tsv")).unwrap()
}

#[test]
fn every_task_is_read_from_its_own_columns() {
    for (task, text) in FILES {
        let found = parse(task, text);
        assert_eq!(found.examples.len(), 2, "{task}");
        let pairs = !matches!(task, GlueTask::Cola | GlueTask::Sst2);
        assert!(found.examples.iter().all(|example| example.second.is_some() == pairs), "{task}");
        assert_eq!(found.skipped, usize::from(matches!(task, GlueTask::Qqp | GlueTask::Mnli)), "{task}");
        assert!(found.examples.iter().all(|example| !example.first.contains('\t') && !example.first.is_empty()));
    }
    let first = |task: usize| {
        let (task, text) = FILES[task];
        parse(task, text).examples.remove(0)
    };
    assert_eq!((first(0).first.as_str(), first(0).target), ("The \"boy\" left.", Target::Class(1)));
    assert_eq!((first(2).first.as_str(), first(2).second.as_deref()), ("He said \"yes.", Some("He agreed.")));
    assert_eq!(first(3).target, Target::Score(5.0));
    assert_eq!((first(5).second.as_deref(), first(5).target), (Some("It was wet."), Target::Class(1)));
    assert_eq!((first(6).first.as_str(), first(6).target), ("When?", Target::Class(0)));
    assert_eq!(first(7).target, Target::Class(1));
}

#[test]
fn the_development_file_of_mnli_has_more_columns() {
    let text = "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\tsentence2_parse\
                \tsentence1\tsentence2\tlabel1\tlabel2\tlabel3\tlabel4\tlabel5\tgold_label\n\
                0\t1\t1n\tfiction\tp\tp\tp\tp\tA.\tB.\tneutral\tneutral\tneutral\tentailment\tneutral\tentailment\n";
    assert_eq!(parse(GlueTask::Mnli, text).examples[0].target, Target::Class(0));
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let message = |task, text: &str| read(task, text.as_bytes(), Path::new("f.tsv")).unwrap_err().to_string();
    assert!(message(GlueTask::Rte, "a\tb\n").contains("the header of rte's file has no column `sentence2`"));
    let wrong = "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tmaybe\n";
    assert_eq!(
        message(GlueTask::Rte, wrong),
        "f.tsv:2: the label of rte must be one of entailment, not_entailment, found `maybe`"
    );
    assert!(
        message(GlueTask::Rte, "index\tsentence1\tsentence2\tlabel\n0\ta\n").contains("has 4 columns, this one has 2")
    );
    let dir = tempfile::tempdir().unwrap();
    let missing = GlueTask::Mnli.file(dir.path(), Split::DevMismatched).unwrap_err().to_string();
    assert!(missing.contains("MNLI/dev_mismatched.tsv"), "{missing}");
}

#[test]
fn a_file_is_found_in_glues_folder_and_in_the_tasks_own() {
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join("STS-B");
    std::fs::create_dir(&own).unwrap();
    std::fs::write(own.join("train.tsv"), FILES[3].1).unwrap();
    for from in [dir.path(), own.as_path()] {
        let path = GlueTask::Stsb.file(from, Split::Train).unwrap();
        assert_eq!(Examples::open(GlueTask::Stsb, &path).unwrap().examples.len(), 2);
    }
    assert_eq!("STS-B".parse::<GlueTask>().unwrap(), GlueTask::Stsb);
    assert!("glue".parse::<GlueTask>().unwrap_err().contains("cola, sst2"));
}

/// Values by scikit-learn and SciPy: accuracy 5/8, F1 2/3, Matthews .2581989; Pearson and Spearman of the scores.
#[test]
fn every_task_has_its_metrics() {
    let truth = [1, 1, 1, 1, 0, 0, 0, 1];
    let said = [1, 1, 1, 0, 0, 1, 0, 0].map(Target::Class);
    let examples = |task: GlueTask| {
        let (_, text) = FILES.iter().find(|(other, _)| *other == task).unwrap();
        let example = parse(task, text).examples.remove(0);
        truth.map(|class| {
            let mut example = example.clone();
            example.target = Target::Class(class);
            example
        })
    };
    let judge = |task: GlueTask| task.judge(&examples(task), &said).unwrap();
    let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    close(judge(GlueTask::Cola).score, 0.258_198_889);
    close(judge(GlueTask::Rte).score, 0.625);
    let both = judge(GlueTask::Mrpc);
    close(both.f1.unwrap(), 2.0 / 3.0);
    close(both.score, (0.625 + 2.0 / 3.0) / 2.0);
    let mut scored = parse(GlueTask::Stsb, FILES[3].1).examples;
    scored.push(scored[1].clone());
    scored[2].target = Target::Score(3.0);
    let found = GlueTask::Stsb.judge(&scored, &[4.0, 1.0, 2.0].map(Target::Score)).unwrap();
    close(found.spearman.unwrap(), 1.0);
    close(found.pearson.unwrap(), 0.960_768_923);
    assert_eq!(GlueTask::Mnli.decide(&[0.1, 0.5, -1.0]), Target::Class(1));
    assert_eq!(GlueTask::Stsb.decide(&[2.5]), Target::Score(2.5));
}

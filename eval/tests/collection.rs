//! A BEIR folder on disk: found, read, answered, judged, and its run written and read back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;

use neodex_eval::beir::{CorpusReader, read_queries};
use neodex_eval::{BeirFolder, Error, Qrels, Run, evaluate};

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn sample(qrels: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "corpus.jsonl",
        "{\"_id\":\"d1\",\"title\":\"HNSW\",\"text\":\"a layered graph\",\"metadata\":{}}\n\
         {\"_id\":\"d2\",\"title\":\"\",\"text\":\"ranks by words\"}\n",
    );
    write(
        folder.path(),
        "queries.jsonl",
        "{\"_id\":\"unjudged\",\"text\":\"x\"}\n{\"_id\":\"q2\",\"text\":\"words\",\"metadata\":{}}\n\
         {\"_id\":\"q1\",\"text\":\"graph\"}\n{\"_id\":\"q3\",\"text\":\"nothing relevant\"}\n",
    );
    write(folder.path(), qrels, "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t2\nq2\td1\t1\nq3\td1\t0\n");
    folder
}

#[test]
fn a_collection_is_read_answered_and_judged() {
    for qrels_file in ["qrels.tsv", "qrels/test.tsv"] {
        let folder = sample(qrels_file);
        let collection = BeirFolder::open(folder.path()).unwrap();
        let documents: Vec<_> = collection.corpus().unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(documents.iter().map(|d| d.id.as_str()).collect::<Vec<_>>(), ["d1", "d2"]);
        assert_eq!(documents[0].title, "HNSW");

        let qrels = collection.qrels().unwrap();
        let queries = collection.queries(&qrels).unwrap();
        // Only what can be measured, in the order of the file.
        assert_eq!(queries.iter().map(|q| q.id.as_str()).collect::<Vec<_>>(), ["q2", "q1"]);

        let mut run = Run::new("words");
        for query in &queries {
            let matches = documents.iter().filter(|document| document.text.contains(&query.text));
            run.insert(&query.id, matches.map(|document| (&document.id, 1.0)));
        }
        let path = folder.path().join("run.txt");
        run.save(&path).unwrap();
        assert_eq!(Run::open(&path).unwrap(), run);

        let evaluation = evaluate(&qrels, &run);
        assert_eq!((evaluation.queries, evaluation.mean.mrr_at_10), (2, 1.0));
        assert_eq!(evaluation.mean.recall_at_100, 0.75);
    }
}

#[test]
fn the_test_split_is_preferred() {
    let folder = sample("qrels.tsv");
    write(folder.path(), "qrels/test.tsv", "q1\td1\t1\n");
    assert_eq!(BeirFolder::open(folder.path()).unwrap().qrels().unwrap().len(), 1);
}

#[test]
fn a_folder_without_the_files_says_what_it_lacks() {
    let folder = sample("qrels/train.tsv");
    let error = BeirFolder::open(folder.path()).unwrap_err();
    assert!(error.to_string().ends_with("it has none of: qrels/test.tsv, qrels.tsv"), "{error}");
    let error = BeirFolder::open(&folder.path().join("nowhere")).unwrap_err();
    assert!(matches!(error, Error::MissingFile { expected, .. } if expected[0] == "corpus.jsonl"));
}

#[test]
fn a_compressed_corpus_is_for_the_caller_to_open() {
    let folder = sample("qrels.tsv");
    fs::rename(folder.path().join("corpus.jsonl"), folder.path().join("corpus.jsonl.zst")).unwrap();
    let collection = BeirFolder::open(folder.path()).unwrap();
    assert!(matches!(collection.corpus(), Err(Error::Compressed { .. })));
    // Whatever the caller decompresses with is a reader like this one.
    let bytes = fs::read(&collection.corpus).unwrap();
    assert_eq!(CorpusReader::new(&bytes[..], &collection.corpus).count(), 2);
}

#[test]
fn queries_and_judgements_that_do_not_belong_together_are_refused() {
    let path = Path::new("queries.jsonl");
    let mut qrels = Qrels::new();
    qrels.insert("q1", "d1", 1);
    qrels.insert("q9", "d1", 1);
    qrels.insert("q8", "d1", 1);
    let error = read_queries(&b"{\"_id\":\"q1\",\"text\":\"x\"}\n"[..], path, &qrels).unwrap_err();
    assert!(error.to_string().contains("2 of 3 judged queries") && error.to_string().contains("`q8`"), "{error}");

    let twice = "{\"_id\":\"q1\",\"text\":\"x\"}\n".repeat(2);
    let error = read_queries(twice.as_bytes(), path, &qrels).unwrap_err();
    assert_eq!(error.to_string(), "queries.jsonl:2: the query id `q1` comes a second time");
}

//! The program on the README's first screen, with what it promises.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use neodex::{Database, Document};

#[test]
fn the_first_program_finds_the_passage() -> neodex::Result<()> {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::builder(dir.path().join("notes.db")).open()?;
    db.insert(Document::new("hnsw", "HNSW is a layered graph for nearest-neighbour search."))?;
    db.insert(Document::new("bm25", "BM25 ranks documents by term frequency and rarity."))?;
    let results = db.search("which graph finds a nearest neighbour").limit(5).run()?;
    assert_eq!(results.hits[0].document_id, "hnsw");
    assert_eq!(results.total, 1);
    let hit = &results.hits[0];
    assert_eq!(&hit.text[hit.highlights[0].clone()], "graph");
    assert_eq!(hit.text, &"HNSW is a layered graph for nearest-neighbour search."[hit.span.clone()]);
    drop(db);

    let db = Database::builder(dir.path().join("notes.db")).open()?;
    assert_eq!(db.get("bm25")?.unwrap().text, "BM25 ranks documents by term frequency and rarity.");
    assert!(db.notices().is_empty(), "{:?}", db.notices());
    Ok(())
}

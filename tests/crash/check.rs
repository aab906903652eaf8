//! The parent's look at what a dead child has left.

use std::path::Path;

use neodex::{Database, Health, Mode, restore};

use crate::child::{digest, open};
use crate::model::Model;

/// Opens the database and compares it with the model, which then knows what became of the operations that were under way.
pub(crate) fn check(path: &Path, model: &mut Model, round: u64) {
    let db = open(path);
    // The word index keeps step through every crash: what opening mends of it is for damage.
    let mended = db.notices().iter().find(|notice| notice.contains("mended"));
    assert_eq!(mended, None, "round {round}");
    let mut alive = 0;
    for (id, known) in &mut model.documents {
        let document = db.get(id).unwrap();
        let found = document.as_ref().map(|document| digest(&document.text));
        assert!(
            found == known.acknowledged || known.tried.contains(&found),
            "round {round}: {id} is {found:?}, acknowledged was {:?}, tried {:?}",
            known.acknowledged,
            known.tried
        );
        known.acknowledged = found;
        known.tried.clear();
        alive += u64::from(document.is_some());
    }
    assert_eq!(db.stats().unwrap().documents, alive, "round {round}: nothing that nobody wrote");
    let gone = model.documents.iter().filter(|(_, known)| known.acknowledged.is_none()).map(|(id, _)| id);
    let there = model.documents.iter().filter(|(_, known)| known.acknowledged.is_some()).map(|(id, _)| id);
    // A sample: a search for each costs more than the rest together.
    for (id, exists) in gone.map(|id| (id, false)).chain(there.map(|id| (id, true))).skip(round as usize % 6).step_by(6)
    {
        let word = format!("unique{}", id.replace('/', "x"));
        // By meaning only the thousand nearest passages are ranked, and one word is as near to noise as to a passage that has it among
        // hundreds; its own beginning is nearest to itself.
        let beginning = match exists {
            true => db.get(id).unwrap().unwrap().text.split_inclusive(' ').take(150).collect(),
            false => word.clone(),
        };
        for (mode, query) in [(Mode::Lexical, &word), (Mode::Dense, &beginning)] {
            let results = db.search(query).mode(mode).limit(1_000).run().unwrap();
            let found = results.hits.iter().filter(|hit| hit.document_id == id.as_str()).count();
            assert_eq!(found, usize::from(exists), "round {round}: {id} by {mode:?}");
        }
    }
    sound(&db, round);
    while db.health() == Health::Checking {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert!(matches!(db.health(), Health::Sound | Health::Closed), "round {round}: {:?}", db.health());
    snapshots(path, model, round);
}

fn sound(db: &Database, round: u64) {
    assert_eq!(db.verify(&mut |_| ()).unwrap().faults, [], "round {round}");
}

/// The last snapshot that was acknowledged restores to a sound database.
fn snapshots(path: &Path, model: &mut Model, round: u64) {
    if let Some(last) = model.snapshots.last() {
        let restored = path.with_file_name("restored");
        restore(last, &restored, restored.exists(), &mut |_| ()).unwrap();
        sound(&open(&restored), round);
    }
    model.snapshots.clear();
    for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "snapshot" || extension == "unfinished") {
            std::fs::remove_file(path).unwrap();
        }
    }
}

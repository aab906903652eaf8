//! What the preparation of data promises: the same input gives the same files, what is damaged is refused, nothing of a text is lost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use neodex_training::data::{
    Corpus, Document, Error, ErrorKind, Fields, Kind, Layout, NO_SPAN, PairOptions, PassageLength, Records, Role,
    SPECIAL_TOKENS, SegmentKind, Set, SetWriter, ShardOptions, Shards, TokenizerOptions, Vocabulary, WindowOptions,
    build_pairs, build_shards, build_windows, train_tokenizer,
};

/// The project's own documents.
fn project_texts() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"]
        .iter()
        .map(|name| fs::read_to_string(root.join(name)).unwrap())
        .collect()
}

fn learn(kind: Kind) -> String {
    let options = TokenizerOptions { kind, vocab_size: 800, ..TokenizerOptions::default() };
    train_tokenizer(project_texts().into_iter().map(Ok), &options).unwrap()
}

fn vocabulary() -> &'static Vocabulary {
    static VOCABULARY: OnceLock<Vocabulary> = OnceLock::new();
    VOCABULARY.get_or_init(|| Vocabulary::from_json(learn(Kind::WordPiece).as_bytes()).unwrap())
}

/// A text with a title, sections, and paragraphs of all lengths.
fn article(seed: usize) -> String {
    let words = ["index", "vector", "query", "document", "the", "of", "a", "search", "store", "token", "model"];
    let sentence = |at: usize| {
        let length = 3 + (at * 7 + seed) % 17;
        let words: Vec<_> = (0..length).map(|word| words[(at * 5 + word * 3 + seed) % words.len()]).collect();
        format!("{}.", words.join(" "))
    };
    let mut text = format!("Document {seed} of the store\n");
    for section in 0..4 {
        if section > 0 {
            text += &format!("\nThe query of section {section}\n");
        }
        for paragraph in 0..1 + (section + seed) % 3 {
            let sentences = 1 + (section * 11 + paragraph * 5 + seed) % 14;
            let sentences: Vec<_> = (0..sentences).map(|at| sentence(at + section * 100 + paragraph * 10)).collect();
            text += &format!("{}\n", sentences.join(" "));
        }
    }
    text
}

fn articles() -> impl Iterator<Item = Result<Document, Error>> {
    (0..20).map(|seed| Ok(Document { text: article(seed), title: None }))
}

fn headed_shards(folder: &Path, shard_tokens: u64) -> Shards {
    let options = ShardOptions { layout: Layout::Headed, shard_tokens, sources: vec!["articles".to_owned()] };
    build_shards(articles(), vocabulary(), folder, &options).unwrap();
    Shards::open(folder).unwrap()
}

/// All files below a folder with their bytes.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.file_name().unwrap().into(), fs::read(&path).unwrap())).collect()
}

#[test]
fn a_vocabulary_is_the_same_every_time_and_has_the_characters() {
    let json = learn(Kind::WordPiece);
    assert_eq!(json, learn(Kind::WordPiece));
    let tokens = tokenizers::Tokenizer::from_bytes(json.as_bytes()).unwrap();
    for (id, token) in SPECIAL_TOKENS.iter().enumerate() {
        assert_eq!(tokens.token_to_id(token), Some(id as u32));
    }
    for character in ('!'..='~').filter(|character| !character.is_ascii_uppercase()) {
        assert!(tokens.token_to_id(&character.to_string()).is_some(), "{character} has no token");
    }
    assert!(('a'..='z').chain('0'..='9').all(|character| tokens.token_to_id(&format!("##{character}")).is_some()));
    assert_eq!(vocabulary().size(), 800);
    assert_eq!((vocabulary().tokenizer().start(), vocabulary().tokenizer().end()), (&[2][..], &[3][..]));
    assert_eq!((vocabulary().unknown(), vocabulary().mask()), (Some(1), Some(4)));
}

#[test]
fn text_comes_back_from_its_tokens() {
    let text = "the index of 17 vectors, and a query (by words).";
    let ids: Vec<u32> = vocabulary().encode(text, usize::MAX).unwrap().ids.iter().map(|&id| id.into()).collect();
    let word_piece = tokenizers::Tokenizer::from_bytes(learn(Kind::WordPiece).as_bytes()).unwrap();
    let spaceless = |text: &str| text.split_whitespace().collect::<String>();
    assert_eq!(spaceless(&word_piece.decode(&ids, true).unwrap()), spaceless(text));

    let json = learn(Kind::Bpe);
    assert_eq!(json, learn(Kind::Bpe));
    let bytes = Vocabulary::from_json(json.as_bytes()).unwrap();
    let text = "Ünïcode, 漢字 and\n\tCASE  are kept";
    let ids: Vec<u32> = bytes.encode(text, usize::MAX).unwrap().ids.iter().map(|&id| id.into()).collect();
    assert_eq!(tokenizers::Tokenizer::from_bytes(json.as_bytes()).unwrap().decode(&ids, true).unwrap(), text);
}

#[test]
fn a_vocabulary_that_16_bits_cannot_hold_is_refused() {
    let options = TokenizerOptions { vocab_size: 70_000, ..TokenizerOptions::default() };
    let refused = train_tokenizer(std::iter::empty(), &options).unwrap_err();
    assert!(matches!(refused, Error::VocabularyTooLarge { found: 70_000, limit: 65_536 }));
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
}

#[test]
fn corpora_are_read_packed_or_not_and_bad_lines_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let lines = "{\"text\":\"one\",\"title\":\"t\"}\n\nnot json\n{\"other\":1}\n{\"text\":[\"two\",\"three\"]}\n";
    fs::write(at("a.jsonl"), lines).unwrap();
    let mut packer = zstd::Encoder::new(fs::File::create(at("b.jsonl.zst")).unwrap(), 3).unwrap();
    packer.long_distance_matching(true).unwrap();
    packer.window_log(27).unwrap();
    packer.write_all(lines.as_bytes()).unwrap();
    packer.finish().unwrap();
    let mut packer = flate2::write::GzEncoder::new(fs::File::create(at("c.txt.gz")).unwrap(), Default::default());
    packer.write_all(b"plain\ntext").unwrap();
    packer.finish().unwrap();
    fs::write(at("ignored.bin"), "x").unwrap();

    let mut corpus = Corpus::open(&[folder.path()], Fields::default()).unwrap();
    let documents: Vec<Document> = corpus.by_ref().map(Result::unwrap).collect();
    let texts: Vec<&str> = documents.iter().map(|document| document.text.as_str()).collect();
    assert_eq!(texts, ["one", "two", "three", "one", "two", "three", "plain\ntext\n"]);
    assert_eq!(documents[0].title.as_deref(), Some("t"));
    let report = corpus.report();
    assert_eq!((report.records, report.bad), (5, 4));
    let places: Vec<_> = report.first_bad.iter().map(|bad| (bad.path.clone(), bad.line)).collect();
    assert_eq!(places[..2], [(at("a.jsonl"), 3), (at("a.jsonl"), 4)]);

    fs::write(at("b.jsonl.zst"), b"no zstd").unwrap();
    let failed = Corpus::open(&[at("b.jsonl.zst")], Fields::default()).unwrap().next().unwrap().unwrap_err();
    assert!(failed.to_string().contains("b.jsonl.zst"), "{failed}");
    assert!(matches!(Records::open(&[at("ignored.bin")]), Err(Error::UnknownFormat { .. })));
    assert!(matches!(Records::open(&[at("absent.txt")]), Err(error) if error.kind() == ErrorKind::NotFound));
}

#[test]
fn parquet_columns_are_texts() {
    use parquet::data_type::{ByteArray, ByteArrayType, Int32Type};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let schema = "message rows { required binary body (UTF8); required int32 size; }";
    let schema = std::sync::Arc::new(parquet::schema::parser::parse_message_type(schema).unwrap());
    let file = fs::File::create(&path).unwrap();
    let mut writer = parquet::file::writer::SerializedFileWriter::new(file, schema, Default::default()).unwrap();
    let mut rows = writer.next_row_group().unwrap();
    let mut column = rows.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&[ByteArray::from("one"), ByteArray::from(" ")], None, None).unwrap();
    column.close().unwrap();
    let mut column = rows.next_column().unwrap().unwrap();
    column.typed::<Int32Type>().write_batch(&[3, 1], None, None).unwrap();
    column.close().unwrap();
    rows.close().unwrap();
    writer.close().unwrap();

    let mut corpus = Corpus::open(&[&path], Fields::text(&["body"])).unwrap();
    assert_eq!(corpus.by_ref().map(|document| document.unwrap().text).collect::<Vec<_>>(), ["one"]);
    assert_eq!((corpus.report().bad, corpus.report().first_bad[0].line), (1, 2));

    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 9]).unwrap();
    let failed = Corpus::open(&[&path], Fields::text(&["body"])).unwrap().next().unwrap().unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Corrupted);
}

#[test]
fn shards_hold_every_document_and_its_parts() {
    let folder = tempfile::tempdir().unwrap();
    let shards = headed_shards(&folder.path().join("s"), 3000);
    assert!(shards.manifests().count() > 1, "a full shard is followed by another");
    assert_eq!(shards.documents(), 20);
    for (index, document) in articles().enumerate() {
        let text = document.unwrap().text;
        let held = shards.document(index).unwrap();
        assert_eq!(held.tokens, vocabulary().encode(&text, usize::MAX).unwrap().ids);
        let segments: Vec<_> = held.segments().collect();
        assert_eq!(segments[0].kind, SegmentKind::Title);
        assert_eq!(segments[0].tokens.start, 0);
        assert!(segments.windows(2).all(|pair| pair[0].tokens.end == pair[1].tokens.start));
        assert_eq!(segments.last().unwrap().tokens.end, held.tokens.len());
        let headings: Vec<_> = segments.iter().filter(|segment| segment.kind == SegmentKind::Heading).collect();
        assert_eq!(headings.len(), 3);
        let expected = vocabulary().encode("The query of section 1", usize::MAX).unwrap().ids;
        assert_eq!(held.tokens[headings[0].tokens.clone()], expected);
    }
    assert!(shards.document(20).is_none());
    let again = headed_shards(&folder.path().join("t"), 3000);
    assert_eq!(again.tokens(), shards.tokens());
    assert_eq!(contents(&folder.path().join("s/000")), contents(&folder.path().join("t/000")));
}

#[test]
fn damaged_shards_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    headed_shards(folder.path(), 1 << 30);
    let exists = build_shards(articles(), vocabulary(), folder.path(), &ShardOptions::default()).unwrap_err();
    assert!(matches!(exists, Error::Exists { .. }));
    for name in ["tokens.u16", "documents.u64", "segments.u32", "shard.json"] {
        let path = folder.path().join("000").join(name);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 2]).unwrap();
        let refused = Shards::open(folder.path()).err().expect(name);
        assert_eq!(refused.kind(), ErrorKind::Corrupted, "{refused}");
        assert!(refused.to_string().contains(name), "{refused}");
        fs::write(&path, whole).unwrap();
    }
    let path = folder.path().join("000/documents.u64");
    let mut offsets = fs::read(&path).unwrap();
    offsets[23] = 0xff;
    fs::write(&path, offsets).unwrap();
    assert!(matches!(Shards::open(folder.path()), Err(Error::Damaged { .. })));
}

#[test]
fn a_set_comes_back_as_written_and_its_rules_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set");
    let mut writer = SetWriter::create(&path, "test", 2, vocabulary()).unwrap();
    let document = writer.document(&[9, 10, 11, 12, 13, 14], 2).unwrap();
    assert!(writer.span(1..3).is_err(), "the context is of no span");
    let first = writer.span(2..4).unwrap();
    assert!(writer.span(3..5).is_err(), "spans do not overlap");
    assert!(writer.span(4..4).is_err() && writer.span(4..7).is_err());
    let second = writer.span(5..6).unwrap();
    assert!(writer.query(&[]).is_err() && writer.document(&[1], 1).is_err());
    let query = writer.query(&[20, 21]).unwrap();
    assert!(writer.example(query, query, &[]).is_err() && writer.example(first, second, &[]).is_err());
    writer.example(query, second, &[first]).unwrap();
    writer.finish().unwrap();

    let set = Set::open(&path).unwrap();
    assert_eq!((set.sequences(), set.spans(), set.examples()), (2, 3, 1));
    let sequence = set.sequence(document).unwrap();
    assert_eq!((sequence.tokens, sequence.context, sequence.role), (&[9, 10, 11, 12, 13, 14][..], 2, Role::Document));
    assert_eq!(set.spans_of(document), first..second + 1);
    assert_eq!(set.spans_of(1), query..query + 1);
    assert_eq!(set.span(second).unwrap().tokens, 5..6);
    let example = set.example(0).unwrap();
    assert_eq!((example.query, example.positive, example.negatives), (query, second, &[first, NO_SPAN][..]));
    assert!(set.teacher(0).is_none() && set.example(1).is_none() && set.span(3).is_none());

    let vectors: Vec<u8> = (0..12u16).flat_map(|at| half::f16::from_f32(f32::from(at)).to_le_bytes()).collect();
    fs::write(path.join("teacher.f16"), &vectors).unwrap();
    let taught = Set::open(&path).unwrap();
    assert_eq!(taught.teacher_dimension(), 4);
    assert_eq!(taught.teacher(1).unwrap()[0].to_f32(), 4.0);
    fs::write(path.join("teacher.f16"), &vectors[..22]).unwrap();
    assert!(matches!(Set::open(&path), Err(Error::Damaged { .. })));
    fs::remove_file(path.join("teacher.f16")).unwrap();

    for (name, at, value) in
        [("sequences.u32", 8, 99), ("spans.u32", 4, 1), ("spans.u32", 12, 9), ("examples.u32", 4, 2)]
    {
        let file = path.join(name);
        let whole = fs::read(&file).unwrap();
        let mut broken = whole.clone();
        broken[at] = value;
        fs::write(&file, broken).unwrap();
        let refused = Set::open(&path).err().unwrap_or_else(|| panic!("{name} with {value} at {at} was taken"));
        assert!(refused.to_string().contains(name), "{refused}");
        fs::write(&file, whole).unwrap();
    }
}

#[test]
fn windows_cover_the_text_once() {
    let folder = tempfile::tempdir().unwrap();
    let shards = headed_shards(&folder.path().join("shards"), 1 << 30);
    let options = WindowOptions {
        window: 120,
        passage: PassageLength { least: 15, most: 50 },
        context: 12,
        cloze: 1.0,
        phrase: 1.0,
        heading: 1.0,
        ..WindowOptions::default()
    };
    let path = folder.path().join("set");
    build_windows(&shards, vocabulary(), &path, "windows", &options).unwrap();
    let set = Set::open(&path).unwrap();
    assert!(set.examples() > 100);

    let (mut held, mut windows) = (Vec::new(), 0);
    for number in 0..set.sequences() as u32 {
        let sequence = set.sequence(number).unwrap();
        if sequence.role == Role::Query {
            continue;
        }
        windows += 1;
        assert!(sequence.tokens.len() <= options.window && sequence.context > 0);
        for span in set.spans_of(number) {
            let span = set.span(span).unwrap().tokens;
            assert!(span.len() <= options.passage.most);
            held.extend_from_slice(&sequence.tokens[span]);
        }
    }
    assert!(windows > 20);
    let text: Vec<u16> = (0..shards.documents())
        .flat_map(|index| {
            let document = shards.document(index).unwrap();
            let paragraphs = document.segments().filter(|segment| segment.kind == SegmentKind::Paragraph);
            paragraphs.flat_map(move |segment| document.tokens[segment.tokens].to_vec()).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(held, text);

    let spans: Vec<_> = (0..set.examples()).map(|index| set.example(index).unwrap()).collect();
    assert!(spans.iter().all(|example| !example.negatives.contains(&example.positive)));
    assert!(spans.iter().any(|example| example.negatives[0] != NO_SPAN));
    build_windows(&shards, vocabulary(), &folder.path().join("again"), "windows", &options).unwrap();
    assert_eq!(contents(&path), contents(&folder.path().join("again")));
    let other = WindowOptions { seed: 2, ..options };
    build_windows(&shards, vocabulary(), &folder.path().join("other"), "windows", &other).unwrap();
    assert_ne!(contents(&path), contents(&folder.path().join("other")));
}

#[test]
fn pairs_become_queries_and_passages() {
    let folder = tempfile::tempdir().unwrap();
    let long: String = (0..40).map(|at| format!("A sentence with the number {at} is in this document. ")).collect();
    let lines = [
        serde_json::json!({ "query": "what is a vector", "positive": "A vector is a row of numbers.", "negatives": ["A word."] }),
        serde_json::json!({ "anchor": "rows of numbers", "positive": "A vector is a row of numbers." }),
        serde_json::json!({ "query": "the number 31", "positive": long }),
        serde_json::json!({ "query": "nothing answers this" }),
    ];
    let file = folder.path().join("pairs.jsonl");
    fs::write(&file, lines.map(|line| format!("{line}\n")).concat()).unwrap();
    let path = folder.path().join("set");
    let options = PairOptions { whole: 100, passage: PassageLength { least: 20, most: 80 }, ..PairOptions::default() };
    let (manifest, report) =
        build_pairs(Records::open(&[&file]).unwrap(), vocabulary(), &path, "pairs", &options).unwrap();
    assert_eq!((manifest.examples, report.records, report.bad), (3, 3, 1));
    assert_eq!(report.first_bad[0].line, 4);

    let set = Set::open(&path).unwrap();
    let examples: Vec<_> = (0..3).map(|index| set.example(index).unwrap()).collect();
    assert_eq!(examples[0].positive, examples[1].positive, "one text is one sequence");
    assert_ne!(examples[0].negatives[0], NO_SPAN);
    assert_eq!(examples[1].negatives[0], NO_SPAN);
    let answer = set.span(examples[2].positive).unwrap();
    let spans = set.spans_of(answer.sequence);
    assert!(spans.len() > 3);
    let length: usize = spans.clone().map(|span| set.span(span).unwrap().tokens.len()).sum();
    assert_eq!(length, set.sequence(answer.sequence).unwrap().tokens.len(), "a text without context is all spans");
    assert_ne!(examples[2].positive, spans.start, "the passage that names 31 answers, not the first");
}

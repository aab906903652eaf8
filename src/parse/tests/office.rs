//! docx, epub, parquet and pdf, each built here.

use super::*;
use lopdf::content::{Content, Operation};
use lopdf::{Object, Stream, dictionary};
use parquet::basic::{Compression as Codec, ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use serde_json::{Value, json};
use std::io::{Cursor, Write};
use std::sync::Arc;

fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

const STYLES: &str = r#"<w:styles xmlns:w="w"><w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
<w:style w:styleId="Own"><w:name w:val="mine"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style></w:styles>"#;

fn docx(body: &str) -> Vec<u8> {
    let body = format!("<?xml version=\"1.0\"?><w:document xmlns:w=\"w\"><w:body>{body}</w:body></w:document>");
    zip(&[
        ("word/document.xml", body.as_bytes()),
        ("word/styles.xml", STYLES.as_bytes()),
        (
            "docProps/core.xml",
            b"<cp:coreProperties><dc:title>A &amp; B</dc:title><dc:creator>Ada</dc:creator></cp:coreProperties>",
        ),
    ])
}

#[test]
fn docx_keeps_headings_lists_and_tables() {
    let paragraph = |style: &str, text: &str| {
        format!("<w:p><w:pPr><w:pStyle w:val=\"{style}\"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>")
    };
    let body = [
        paragraph("berschrift1", "One"),
        "<w:p><w:r><w:t xml:space=\"preserve\">R&#233;sum&#xE9; </w:t></w:r><w:r><w:t>&lt;here&gt;</w:t><w:br/><w:t>b</w:t></w:r></w:p>".into(),
        "<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>item</w:t></w:r></w:p>".into(),
        "<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>next</w:t></w:r></w:p><w:p/><w:p><w:r><w:t>after</w:t></w:r></w:p>".into(),
        paragraph("Own", "Two"),
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>k</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>v</w:t></w:r></w:p></w:tc></w:tr></w:tbl>".into(),
        "<mc:AlternateContent><mc:Choice><w:p><w:r><w:t>box</w:t></w:r></w:p></mc:Choice><mc:Fallback><w:p><w:r><w:t>box</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent>".into(),
        "<w:p><w:r><w:instrText>PAGE</w:instrText><w:delText>gone</w:delText></w:r></w:p>".into(),
    ]
    .concat();
    let document = one("a.docx", docx(&body));
    assert_eq!(document.title, "A & B");
    assert_eq!(document.metadata.get("author"), Some(&json!("Ada")));
    assert_eq!(document.text, "One\n\nRésumé <here>\nb\n\n- item\n- next\n\nafter\n\nTwo\n\nk | v\n\nbox");
    assert_headings(&document, &[(1, "One"), (2, "Two")]);
}

#[test]
fn a_zip_bomb_and_a_damaged_zip() {
    let bomb = docx(&format!("<w:p>{}</w:p>", " ".repeat(64 << 20)));
    assert!(bomb.len() < 200_000);
    assert!(matches!(parse("a.docx", bomb), Err(ParseError::Bomb { .. })));
    let mut cut = docx("<w:p/>");
    cut.truncate(cut.len() - 30);
    assert!(matches!(parse("a.docx", cut), Err(ParseError::Malformed { .. })));
    let without = parse("a.docx", zip(&[("x", b"y")])).unwrap_err().to_string();
    assert!(without.contains("word/document.xml"), "{without}");
}

#[test]
fn epub_chapters_in_reading_order() {
    let package = br#"<package><metadata xmlns:dc="d"><dc:title>The Book</dc:title><dc:creator>Ada</dc:creator><dc:language>en</dc:language></metadata>
        <manifest><item id="b" href="two%20b.xhtml" media-type="application/xhtml+xml"/><item id="a" href="one.xhtml" media-type="application/xhtml+xml"/>
        <item id="n" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/><item id="i" href="i.png" media-type="image/png"/></manifest>
        <spine><itemref idref="n"/><itemref idref="a"/><itemref idref="i"/><itemref idref="b"/><itemref idref="gone"/></spine></package>"#;
    let document = one(
        "a.epub",
        zip(&[
            (
                "META-INF/container.xml",
                br#"<container><rootfiles><rootfile full-path="OEBPS/p.opf"/></rootfiles></container>"#,
            ),
            ("OEBPS/p.opf", package),
            ("OEBPS/nav.xhtml", b"<html><body><h1>Contents</h1></body></html>"),
            ("OEBPS/one.xhtml", b"<html><body><h1>First</h1><p>alpha</p></body></html>"),
            ("OEBPS/two b.xhtml", b"<?xml version='1.0'?><html><body><h1>Second</h1><p>beta</p></body></html>"),
        ]),
    );
    assert_eq!(document.text, "First\n\nalpha\n\nSecond\n\nbeta");
    assert_headings(&document, &[(1, "First"), (1, "Second")]);
    assert_eq!(document.title, "The Book");
    assert_eq!(Value::from(document.metadata), json!({"author": "Ada", "lang": "en"}));
}

fn parquet_file(rows: usize, codec: Codec) -> Vec<u8> {
    let text = |name: &str| {
        let column = Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
            .with_repetition(Repetition::REQUIRED)
            .with_converted_type(ConvertedType::UTF8);
        Arc::new(column.build().unwrap())
    };
    let year = Type::primitive_type_builder("year", Physical::INT64).with_repetition(Repetition::OPTIONAL);
    let fields = vec![text("id"), text("text"), Arc::new(year.build().unwrap())];
    let schema = Arc::new(Type::group_type_builder("rows").with_fields(fields).build().unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(codec).build());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for prefix in ["id", "text"] {
        let values: Vec<ByteArray> = (0..rows).map(|row| ByteArray::from(format!("{prefix}{row}").as_str())).collect();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&values, None, None).unwrap();
        column.close().unwrap();
    }
    let defined: Vec<i16> = (0..rows).map(|row| i16::from(row % 2 == 0)).collect();
    let years: Vec<i64> = (0..rows as i64).filter(|row| row % 2 == 0).collect();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&years, Some(&defined), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn parquet_rows() {
    for codec in [
        Codec::UNCOMPRESSED,
        Codec::SNAPPY,
        Codec::ZSTD(Default::default()),
        Codec::LZ4_RAW,
        Codec::GZIP(Default::default()),
    ] {
        let (documents, errors) = parse("a.parquet", parquet_file(500, codec)).unwrap();
        assert_eq!((documents.len(), errors.len()), (500, 0), "{codec:?}");
        assert_eq!((documents[4].id.as_str(), documents[4].text.as_str()), ("id4", "text4"));
        assert_eq!(documents[4].metadata.get("year"), Some(&json!(4)));
        assert_eq!(documents[3].metadata.get("year"), None);
    }
}

#[test]
fn truncated_parquet() {
    let whole = parquet_file(100, Codec::SNAPPY);
    for length in [0, 3, 50, whole.len() / 2, whole.len() - 1] {
        let refused = parse("a.parquet", &whole[..length]);
        assert!(matches!(refused, Err(ParseError::Malformed { .. })), "{length}");
    }
    for place in (4..whole.len()).step_by(7) {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x55;
        let _ = parse("a.parquet", damaged);
    }
}

fn pdf(pages: &[Vec<Operation>]) -> Vec<u8> {
    let mut pdf = lopdf::Document::with_version("1.5");
    let parent = pdf.new_object_id();
    let font = pdf.add_object(dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Courier", "Encoding" => "WinAnsiEncoding" });
    let resources = pdf.add_object(dictionary! { "Font" => dictionary! { "F1" => font } });
    let kids: Vec<Object> = pages
        .iter()
        .map(|operations| {
            let content = Content { operations: operations.clone() };
            let content = pdf.add_object(Stream::new(dictionary! {}, content.encode().unwrap()));
            pdf.add_object(dictionary! { "Type" => "Page", "Parent" => parent, "Contents" => content }).into()
        })
        .collect();
    let count = kids.len() as i64;
    let tree = dictionary! {
        "Type" => "Pages", "Kids" => kids, "Count" => count, "Resources" => resources,
        "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
    };
    pdf.objects.insert(parent, Object::Dictionary(tree));
    let catalog = pdf.add_object(dictionary! { "Type" => "Catalog", "Pages" => parent });
    let information = pdf.add_object(
        dictionary! { "Title" => Object::string_literal("On Graphs"), "Author" => Object::string_literal("Ada") },
    );
    pdf.trailer.set("Root", catalog);
    pdf.trailer.set("Info", information);
    let mut bytes = Vec::new();
    pdf.save_to(&mut bytes).unwrap();
    bytes
}

fn lines(lines: &[(i64, i64, &str)]) -> Vec<Operation> {
    let mut operations = vec![Operation::new("BT", vec![]), Operation::new("Tf", vec!["F1".into(), 10.into()])];
    for (x, y, text) in lines {
        operations.push(Operation::new("Td", vec![(*x).into(), (*y).into()]));
        operations.push(Operation::new("Tj", vec![Object::string_literal(*text)]));
    }
    operations.push(Operation::new("ET", vec![]));
    operations
}

#[test]
fn pdf_lines_words_and_paragraphs() {
    let first = lines(&[
        (50, 700, "A layered"),
        (60, 0, "graph for neigh-"),
        (-60, -12, "bours is"),
        (0, -12, "navigable."),
        (0, -30, "Caf\u{e9}s follow."),
    ]);
    let document = one("a.pdf", pdf(&[first, lines(&[]), lines(&[(50, 700, "Page three.")])]));
    assert!(document.text.starts_with("A layered graph for neighbours is\nnavigable.\n\nCaf"), "{:?}", document.text);
    assert!(document.text.ends_with("follow.\n\nPage three."), "{:?}", document.text);
    assert_eq!(document.title, "On Graphs");
    assert_eq!(Value::from(document.metadata), json!({"author": "Ada", "pages": 3}));
}

#[test]
fn pdfs_without_text_or_damaged() {
    let scanned = parse("a.pdf", pdf(&[lines(&[])])).unwrap_err().to_string();
    assert!(scanned.contains("scanned"), "{scanned}");
    let whole = pdf(&[lines(&[(0, 0, "x")])]);
    for length in (0..whole.len()).step_by(97) {
        let _ = parse("a.pdf", &whole[..length]);
    }
    let nested = [b"%PDF-1.5\n1 0 obj\n".to_vec(), vec![b'['; 200_000]].concat();
    assert!(parse("a.pdf", nested).is_err());
}

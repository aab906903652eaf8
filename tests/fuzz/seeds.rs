//! Sound bytes of every kind: what the writers of this project write, and small files of each format made here.

use std::path::Path;

use neodex::{Database, Document, ExportFormat};

/// Names of targets, and bytes for them.
pub(crate) fn all() -> Vec<(&'static str, Vec<u8>)> {
    let mut seeds = neodex::fuzzing::seeds();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let db = Database::builder(&path).without_embedder().open().unwrap();
    for number in 0..3 {
        let document = Document::new(format!("doc{number}"), "Otters live in rivers. ".repeat(20 + number));
        db.insert(document.title("Otters").metadata("number", number as u64)).unwrap();
    }
    let mut snapshot = Vec::new();
    db.snapshot_write(&mut snapshot, &mut |_| ()).unwrap();
    seeds.push(("value", snapshot[snapshot.len() / 3..].to_vec()));
    seeds.push(("snapshot", snapshot));
    seeds.push(("manifest", std::fs::read(path.join("FORMAT")).unwrap()));
    seeds.push(("vectors", [vec![8u8], vec![0x3C; 32]].concat()));
    seeds.push(("segment", segment()));
    let mut text = |name, text: &str| seeds.push((name, text.as_bytes().to_vec()));
    text("filter", "year >= 2020 AND (lang = 'en' OR NOT EXISTS draft) AND tag IN ['a', 'b''c', 3.5, true]");
    text("filter", "NOT (a.b != -1e3) OR published < 2024-02-29T12:00:00Z");
    text(
        "html",
        "<!doctype html><html><head><title>T &amp; t</title><meta name=author content=x></head><body><nav>menu</nav><main><h1 id=a>Top</h1>\
         <p>One <b>two</b> &eacute; &#x1F9A6;<table><tr><td>cell<td>cell</table><pre>  code\n</pre><ul><li>a<li>b</ul><script>x<y</script></main>",
    );
    text(
        "markdown",
        "---\ntitle: A title\ntags: [a, b]\ndraft: true\n---\n# Top\n\nWords *and* [links](x \"t\").\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```rust\ncode\n```\n\n## Next\n\n- item\n  - item\n",
    );
    text("text", "Plain words.\r\n\r\nMore of them, caf\u{e9}.\n\u{c}Page two.");
    seeds.push(("text", b"\xff\xfeo\x00t\x00t\x00e\x00r\x00s\x00".to_vec()));
    seeds.push(("text", b"caf\xe9 au lait".to_vec()));
    let mut text = |name, text: &str| seeds.push((name, text.as_bytes().to_vec()));
    text(
        "jsonl",
        "{\"id\":\"a\",\"title\":\"t\",\"text\":\"otters \\u00e9\",\"metadata\":{\"x\":[1,2.5,null,{\"y\":true}]}}\n{\"_id\":7,\"text\":\"more\",\"year\":1999}\n",
    );
    text("csv", "id,title,text,year\n1,\"A, b\",\"line one\nline \"\"two\"\"\",1999\n2,,only text,\n");
    text("pdf", PDF);
    files(&mut seeds, dir.path(), &db);
    models(&mut seeds);
    seeds
}

/// A small segment of vectors, some of them equal.
fn segment() -> Vec<u8> {
    use neodex_index::Key;
    use neodex_index::vector::{BuildOptions, Code, SegmentBuilder};

    let mut builder = SegmentBuilder::new(8, neodex::Distance::Cosine, 0).unwrap();
    for key in 0..80u64 {
        let vector: Vec<f32> = (0..8).map(|i| ((key * 31 + i * 17) % 29) as f32 - 14.0).collect();
        builder.push(Key(key), &Code::encode(&vector).unwrap()).unwrap();
    }
    builder.build(&BuildOptions::default(), |_| true).unwrap().unwrap().to_bytes()
}

/// A page with a line of text, without a table of where its objects are: readers look for them.
const PDF: &str = "%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n\
3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>\nendobj\n\
4 0 obj\n<< /Length 44 >>\nstream\nBT /F1 12 Tf 10 100 Td (Otters in rivers) Tj ET\nendstream\nendobj\n\
5 0 obj\n<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>\nendobj\nxref\n0 6\n0000000000 65535 f \n0000000009 00000 n \n0000000058 00000 n \n\
0000000115 00000 n \n0000000241 00000 n \n0000000335 00000 n \ntrailer\n<< /Size 6 /Root 1 0 R /Info << /Title (A title) >> >>\nstartxref\n405\n%%EOF\n";

#[cfg(feature = "formats")]
fn files(seeds: &mut Vec<(&'static str, Vec<u8>)>, dir: &Path, db: &Database) {
    let folder = dir.join("export");
    db.export(&folder, ExportFormat::Parquet, &mut |_| ()).unwrap();
    for table in ["documents", "chunks"] {
        seeds.push(("parquet", std::fs::read(folder.join(format!("{table}.parquet"))).unwrap()));
    }
    let docx = "<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body><w:p><w:pPr><w:pStyle w:val=\"Heading1\"/></w:pPr>\
                <w:r><w:t>Top</w:t></w:r></w:p><w:p><w:r><w:t xml:space=\"preserve\">Otters </w:t><w:tab/><w:t>swim.</w:t></w:r></w:p></w:body></w:document>";
    let core = "<cp:coreProperties xmlns:cp=\"c\" xmlns:dc=\"d\"><dc:title>A title</dc:title></cp:coreProperties>";
    seeds.push(("docx", zip(&[("word/document.xml", docx), ("docProps/core.xml", core)])));
    let container = "<container><rootfiles><rootfile full-path=\"c.opf\"/></rootfiles></container>";
    let package = "<package><metadata><dc:title>T</dc:title></metadata><manifest><item id=\"a\" href=\"a.xhtml\" media-type=\"application/xhtml+xml\"/></manifest>\
                   <spine><itemref idref=\"a\"/></spine></package>";
    let chapter = "<html><body><h1>Top</h1><p>Otters.</p></body></html>";
    let epub = [("META-INF/container.xml", container), ("c.opf", package), ("a.xhtml", chapter)];
    seeds.push(("epub", zip(&epub)));
}

#[cfg(not(feature = "formats"))]
fn files(seeds: &mut Vec<(&'static str, Vec<u8>)>, _: &Path, _: &Database) {
    let _ = ExportFormat::Parquet;
    seeds.extend(["docx", "epub", "parquet"].map(|name| (name, b"nothing".to_vec())));
}

#[cfg(feature = "formats")]
fn zip(entries: &[(&str, &str)]) -> Vec<u8> {
    use std::io::Write;
    let mut archive = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in entries {
        archive.start_file(*name, ::zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn models(seeds: &mut Vec<(&'static str, Vec<u8>)>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("encoder/tests/fixtures/neobert-tiny");
    for (kind, name) in ["config.json", "tokenizer.json", "model.safetensors"].into_iter().enumerate() {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        seeds.push(("model", [vec![kind as u8], bytes].concat()));
    }
}

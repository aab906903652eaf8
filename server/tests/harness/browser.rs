//! A real browser, driven over Chromium's own pipe: messages of its debugging protocol, ended by NUL, on two file handles.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The longest a page may take to become what is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A browser with one page open. It ends when this goes.
pub(crate) struct Browser {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    session: String,
    next: u64,
    /// What the page complained about: errors of scripts, loads that the policy forbids.
    pub(crate) complaints: Vec<String>,
    #[allow(dead_code, reason = "held for its drop")]
    profile: tempfile::TempDir,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let program = program();
        let profile = tempfile::tempdir().unwrap();
        // The shell puts the pipes where Chromium looks for them: it reads from 3 and writes to 4.
        let script = "exec \"$0\" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
                      --disable-background-networking --disable-component-update --remote-debugging-pipe \
                      --user-data-dir=\"$1\" about:blank 3<&0 4>&1 </dev/null >/dev/null 2>&1";
        let mut process = Command::new("sh")
            .args(["-c", script])
            .arg(&program)
            .arg(profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut browser =
            Self { process, input, output, session: String::new(), next: 0, complaints: Vec::new(), profile };
        let target = browser.send("Target.createTarget", json!({"url": "about:blank"}));
        let attached = browser.send("Target.attachToTarget", json!({"targetId": target["targetId"], "flatten": true}));
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log"] {
            browser.send(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Sends a command and waits for its answer.
    pub(crate) fn send(&mut self, method: &str, params: Value) -> Value {
        let mut answer = self.ask(method, params);
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].take()
    }

    /// Sends a command and waits for its answer, which may be a refusal.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut message = json!({"id": self.next, "method": method, "params": params});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.input.write_all(format!("{message}\0").as_bytes()).unwrap();
        self.input.flush().unwrap();
        loop {
            let mut bytes = Vec::new();
            self.output.read_until(0, &mut bytes).unwrap();
            assert_eq!(bytes.pop(), Some(0), "the browser went away during {method}");
            let answer: Value = serde_json::from_slice(&bytes).unwrap();
            if answer["id"] == self.next {
                return answer;
            }
            match answer["method"].as_str() {
                Some("Runtime.exceptionThrown") => {
                    self.complaints.push(answer["params"]["exceptionDetails"].to_string())
                }
                Some("Log.entryAdded") if answer["params"]["entry"]["level"] == "error" => {
                    self.complaints.push(answer["params"]["entry"]["text"].to_string());
                }
                _ => {}
            }
        }
    }

    /// The value of an expression in the page.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let result = self
            .send("Runtime.evaluate", json!({"expression": expression, "returnByValue": true, "awaitPromise": true}));
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true in the page, which may be on its way to another: then it is not true yet.
    #[track_caller]
    pub(crate) fn until(&mut self, expression: &str) {
        let started = Instant::now();
        let asked = json!({"expression": format!("Boolean({expression})"), "returnByValue": true});
        while self.ask("Runtime.evaluate", asked.clone())["result"]["result"]["value"] != true {
            let page = || "never true";
            assert!(started.elapsed() < PATIENCE, "{expression}: {}", page());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Opens an address.
    pub(crate) fn open(&mut self, url: &str) {
        self.send("Page.navigate", json!({"url": url}));
        self.until(&format!(
            "document.readyState === 'complete' && location.href.startsWith({})",
            json!(url.split('?').next())
        ));
    }

    /// Types text into what has the focus.
    pub(crate) fn type_text(&mut self, text: &str) {
        for letter in text.chars() {
            self.send("Input.insertText", json!({"text": letter.to_string()}));
        }
    }

    /// Presses a key and lets it go.
    pub(crate) fn press(&mut self, key: &str) {
        let code = match key {
            "Enter" => 13,
            "Escape" => 27,
            "ArrowUp" => 38,
            "ArrowDown" => 40,
            other => other.to_ascii_uppercase().bytes().next().map_or(0, u32::from),
        };
        let mut down = json!({"type": "keyDown", "key": key, "windowsVirtualKeyCode": code});
        match key {
            "Enter" => down["text"] = json!("\r"),
            one if one.len() == 1 => down["text"] = json!(one),
            _ => {}
        }
        self.send("Input.dispatchKeyEvent", down);
        self.send("Input.dispatchKeyEvent", json!({"type": "keyUp", "key": key, "windowsVirtualKeyCode": code}));
    }

    /// The size of the window, and whether it is a phone's; light or dark.
    pub(crate) fn view(&mut self, width: u32, height: u32, phone: bool, dark: bool) {
        self.send(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": width, "height": height, "deviceScaleFactor": if phone { 2 } else { 1 }, "mobile": phone}),
        );
        let scheme = if dark { "dark" } else { "light" };
        self.send(
            "Emulation.setEmulatedMedia",
            json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]}),
        );
    }

    /// A picture of what is seen, kept as `NAME.png` where test artefacts go.
    pub(crate) fn picture(&mut self, name: &str) -> PathBuf {
        let shot = self.send("Page.captureScreenshot", json!({"format": "png"}));
        let bytes = STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"));
        std::fs::write(&path, &bytes).unwrap();
        assert!(bytes.len() > 5_000, "{name} is an empty page");
        path
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Chromium by one of its names, or by `CHROMIUM`.
fn program() -> String {
    let named = std::env::var("CHROMIUM").ok();
    let names = named.iter().map(String::as_str).chain(["chromium", "chromium-browser", "google-chrome"]);
    let runs = |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    let found = names.clone().find(runs).map(str::to_owned);
    found.expect("this test needs Chromium: apt-get install -y chromium, or name it in CHROMIUM")
}

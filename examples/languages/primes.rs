// A node in Rust: the primes from a number on, without end. It is ended when nobody reads on.

use std::io::{self, Write};

/// The whole number that follows a key in a flat JSON object; a library (serde_json) would read any JSON.
fn number(text: &str, key: &str) -> Option<u64> {
    let rest = text.split(&format!("\"{key}\":")).nth(1)?;
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn is_prime(n: u64) -> bool {
    n > 1 && (2..).take_while(|d| d * d <= n).all(|d| n % d != 0)
}

fn main() -> io::Result<()> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let Some(start) = number(&line, "start") else {
        eprintln!("{}", r#"{"error": "start is a whole number", "type": "ValueError"}"#);
        std::process::exit(1);
    };
    let mut out = io::stdout().lock();
    for n in (start..).filter(|n| is_prime(*n)) {
        writeln!(out, "{n}")?;
        out.flush()?;
    }
    Ok(())
}

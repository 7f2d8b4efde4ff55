//! What a plain scalar means: the core schema of YAML 1.2, and nothing of YAML 1.1.

use std::borrow::Cow;

use serde_json::{Number, Value};

/// What a plain text stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    Null,
    Bool(bool),
    Integer,
    Float,
    Text,
    /// A number that cannot be kept exactly.
    Unrepresentable,
}

/// Applies the core schema: `012` is twelve, `0o14` is octal, `on` and `yes` are texts.
pub(super) fn resolve(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" | "True" | "TRUE" => return Plain::Bool(true),
        "false" | "False" | "FALSE" => return Plain::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Plain::Unrepresentable,
        _ => {}
    }
    if matches!(text.trim_start_matches(['-', '+']), ".inf" | ".Inf" | ".INF") {
        return Plain::Unrepresentable;
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        return Plain::Text;
    }
    if is_integer(text) {
        return if integer(text).is_some() { Plain::Integer } else { Plain::Unrepresentable };
    }
    if is_float(text) {
        let finite = text.parse::<f64>().is_ok_and(f64::is_finite);
        return if finite { Plain::Float } else { Plain::Unrepresentable };
    }
    Plain::Text
}

fn is_integer(text: &str) -> bool {
    if let Some(digits) = text.strip_prefix("0x") {
        return !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return !digits.is_empty() && digits.bytes().all(|b| (b'0'..=b'7').contains(&b));
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn integer(text: &str) -> Option<Number> {
    let number = if let Some(digits) = text.strip_prefix("0x") {
        i128::from_str_radix(digits, 16)
    } else if let Some(digits) = text.strip_prefix("0o") {
        i128::from_str_radix(digits, 8)
    } else {
        text.parse()
    };
    let number = number.ok()?;
    i64::try_from(number).map(Number::from).or_else(|_| u64::try_from(number).map(Number::from)).ok()
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let mantissa_is_right = match mantissa.split_once('.') {
        Some(("", after)) => !after.is_empty() && digits(after),
        Some((before, after)) => digits(before) && digits(after),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    mantissa_is_right && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

/// The number that a text stands for. A whole number with a point is a whole number, as JSON Schema has it.
pub(super) fn number(text: &str) -> Value {
    if is_integer(text) {
        return integer(text).map_or(Value::Null, Value::Number);
    }
    let float = text.parse::<f64>().unwrap_or(f64::NAN);
    if float.fract() == 0.0 && float.abs() < 9e15 {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and well inside the range of i64")]
        return Value::Number(Number::from(float as i64));
    }
    Number::from_f64(float).map_or(Value::Null, Value::Number)
}

/// Whether a number has a leading zero, which YAML 1.1 readers take for the sign of an octal number.
pub(super) fn looks_octal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Whether older YAML readers take the text for a boolean: `yes`, `on`, `n` and the like. Here it is a text.
pub fn is_yaml11_boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "y" | "yes" | "on" => Some(true),
        "n" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Whether a text written without quotes stays a text.
pub fn resolves_to_text(text: &str) -> bool {
    resolve(text) == Plain::Text
}

/// A piece of a text that is short enough for a sentence.
pub(super) fn clip(text: &str) -> Cow<'_, str> {
    /// Longer keys and numbers make a sentence unreadable.
    const CLIP_LENGTH: usize = 60;
    match text.char_indices().nth(CLIP_LENGTH) {
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

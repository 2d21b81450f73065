//! Which language a page speaks: `?lang=`, then the one that was chosen last (a cookie), then `Accept-Language` (RFC 9110 12.5.4), then the dealer's.

use super::guard;
use super::params::Params;
use super::problem::Problem;
use super::words::{EN, Words, ZH, complaints as desk};
use axum::http::{HeaderMap, header};

/// Name of the cookie that keeps the person's choice.
pub const COOKIE: &str = "huifang_lang";

/// A language that pages speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// Chinese, simplified.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// The language of a tag (`zh-CN`, `en`); none for others.
    pub fn of_tag(tag: &str) -> Option<Lang> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "zh" => Some(Lang::Zh),
            "en" => Some(Lang::En),
            _ => None,
        }
    }

    /// Of a request; `lang` must be among the parameters that were read.
    pub fn of(params: &Params, headers: &HeaderMap, fallback: &str) -> Result<Lang, Problem> {
        if let Some(lang) = params.parsed("lang", "zh or en", Lang::of_tag)? {
            return Ok(lang);
        }
        Ok(Lang::wished(headers, fallback))
    }

    /// Of a request whose address names none.
    pub fn wished(headers: &HeaderMap, fallback: &str) -> Lang {
        let accepted = || headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let chosen = guard::cookie(headers, COOKIE).and_then(Lang::of_tag);
        chosen.or_else(|| accepted().and_then(preferred)).or_else(|| Lang::of_tag(fallback)).unwrap_or(Lang::En)
    }

    /// Its texts.
    pub fn words(self) -> &'static Words {
        match self {
            Lang::Zh => &ZH,
            Lang::En => &EN,
        }
    }

    /// The complaint desk's texts.
    pub fn desk_words(self) -> &'static desk::Words {
        match self {
            Lang::Zh => &desk::ZH,
            Lang::En => &desk::EN,
        }
    }

    /// For `<html lang>`.
    pub fn tag(self) -> &'static str {
        match self {
            Lang::Zh => "zh-CN",
            Lang::En => "en",
        }
    }

    /// Short, for `?lang=`.
    pub fn code(self) -> &'static str {
        match self {
            Lang::Zh => "zh",
            Lang::En => "en",
        }
    }

    /// The other one, for the switch.
    pub fn other(self) -> Lang {
        match self {
            Lang::Zh => Lang::En,
            Lang::En => Lang::Zh,
        }
    }

    /// Picks the text.
    pub fn pick(self, zh: &'static str, en: &'static str) -> &'static str {
        match self {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }
}

/// The language with the highest weight that pages speak; the earlier one among equals.
fn preferred(header: &str) -> Option<Lang> {
    let mut best: Option<(f32, Lang)> = None;
    for item in header.split(',') {
        let (tag, params) = item.split_once(';').unwrap_or((item, ""));
        let weight: f32 = params.trim().strip_prefix("q=").map_or(1.0, |q| q.trim().parse().unwrap_or(0.0));
        if let Some(lang) = Lang::of_tag(tag)
            && weight > best.map_or(0.0, |(weight, _)| weight)
        {
            best = Some((weight, lang));
        }
    }
    best.map(|(_, lang)| lang)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_s_first_wish_counts() {
        for (header, want) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Some(Lang::Zh)),
            ("en-GB,en;q=0.9,zh;q=0.8", Some(Lang::En)),
            ("fr, en;q=0.2, zh;q=0.3", Some(Lang::Zh)),
            ("zh;q=0, fr", None),
            ("fr", None),
            ("", None),
            (";;,q=", None),
        ] {
            assert_eq!(preferred(header), want, "{header}");
        }
    }
}

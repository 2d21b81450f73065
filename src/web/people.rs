//! Names and plates as a page shows them to somebody who did not ask for more: enough to tell two rows apart, not enough to know who it is.

use crate::phone::Pii;

/// `王••` for 王小明, `L••` for Li Wei.
pub fn masked_name(name: &Pii<String>) -> String {
    match name.expose().trim().chars().next() {
        Some(first) => format!("{first}••"),
        None => String::new(),
    }
}

/// `••386`: what the call itself reads out.
pub fn masked_plate(plate: &Pii<String>) -> String {
    let text: Vec<char> = plate.expose().chars().collect();
    if text.len() < 5 {
        return "••".to_owned();
    }
    let tail: String = text[text.len() - 3..].iter().collect();
    format!("••{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_first_sign_a_plate_its_tail() {
        let pii = |text: &str| Pii::new(text.to_owned());
        assert_eq!(masked_name(&pii("王小明")), "王••");
        assert_eq!(masked_name(&pii(" Li Wei")), "L••");
        assert_eq!(masked_name(&pii("")), "");
        assert_eq!(masked_plate(&pii("苏A12386")), "••386");
        assert_eq!(masked_plate(&pii("386")), "••");
    }
}

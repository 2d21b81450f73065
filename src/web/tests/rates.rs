//! The rates: the API's figures against the morning in `scene`, the same on the page, and every bad parameter named.

use super::*;
use serde_json::json;

const DAYS: &str = "from=2026-11-22&to=2026-11-23";

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn attempts_are_told_by_hour_day_and_question(pool: PgPool) {
    let router = morning(pool).await;
    let told = get(&router, &format!("/api/v1/rates?{DAYS}")).await.json();
    let attempts = &told["attempts"];
    // 19 left: 7 interviews, 1 refusal, 1 wrong number, 1 call-back were taken; 1 dead number; 4 not answered; 1 unknown; 3 go on
    assert_eq!(
        (&attempts["n"], &attempts["open"], &attempts["unclassified"], &attempts["complete"]),
        (&19.into(), &3.into(), &0.into(), &5.into())
    );
    assert_eq!(
        attempts["kinds"],
        json!({ "person": 10, "machine": 0, "not_answered": 4, "no_such_number": 1, "failed": 1 })
    );
    assert_eq!(
        attempts["rates"]["complete_of_person"],
        json!({ "numerator": 5, "denominator": 10, "n": 19, "value": 0.5 })
    );
    assert_eq!(attempts["means"]["attempts_per_complete"], json!({ "n": 5, "value": 3.2 }));
    assert_eq!(attempts["means"]["mean_complete_s"], json!({ "n": 5, "value": 241.0 }));
    assert_eq!(told["follow_ups"]["rates"]["rr1"]["value"], 0.625);

    let sum = |groups: &Value| groups.as_array().unwrap().iter().map(|group| group["n"].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum(&told["by_hour"]), sum(&told["by_day"])), (19, 19), "the groups make the whole");
    let hours: Vec<&str> = told["by_hour"].as_array().unwrap().iter().map(|g| g["group"].as_str().unwrap()).collect();
    assert_eq!(hours, ["07", "08", "09", "10"], "in the dealer's zone");
    let empty = &told["by_day"][0];
    assert_eq!((&empty["group"], &empty["n"]), (&"2026-11-22".into(), &0.into()));
    assert_eq!(empty["rates"]["complete_of_attempts"]["value"], Value::Null, "nothing was counted that day");

    let questions = told["questions"].as_array().unwrap();
    let of = |word: &str| {
        let row = questions.iter().find(|row| row["question"] == word).unwrap();
        ["asked", "answered", "broke_off"].map(|key| row[key].as_u64().unwrap())
    };
    // seven were asked all up to Q4; two hung up at Q5
    assert_eq!((of("q4"), of("q5"), of("q6")), ([7, 7, 0], [7, 5, 2], [5, 5, 0]));
    let order: Vec<&str> = questions.iter().map(|row| row["question"].as_str().unwrap()).collect();
    assert_eq!(order[..4], ["identity", "consent", "q1", "q2"], "in the order of the interview");
    let defined: Vec<&str> =
        told["definitions"].as_array().unwrap().iter().map(|definition| definition["key"].as_str().unwrap()).collect();
    for key in ["rr1", "coop1", "ref1", "con1", "complete_of_person", "attempts_per_complete", "break_off"] {
        assert!(defined.contains(&key), "{key}");
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn filters_part_the_whole(pool: PgPool) {
    let router = morning(pool).await;
    let advisors = get(&router, "/api/v1/completion?by=advisor").await.json();
    let names: Vec<String> = advisors["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["group"].as_str().unwrap().to_owned())
        .collect();
    let (mut attempts, mut follow_ups) = (0, 0);
    for name in &names {
        let query: String = url_encoded(name);
        let told = get(&router, &format!("/api/v1/rates?{DAYS}&advisor={query}")).await.json();
        assert_eq!(told["advisor"], name.as_str());
        attempts += told["attempts"]["n"].as_u64().unwrap();
        follow_ups += told["follow_ups"]["n"].as_u64().unwrap();
    }
    assert_eq!((names.len(), attempts, follow_ups), (3, 19, 24));
    let other = get(&router, &format!("/api/v1/rates?{DAYS}&survey={}", fixture::SURVEY)).await.json();
    assert_eq!(other["attempts"]["n"], 19);
    for (query, says) in [
        ("survey=sales", "known: aftersales_3day"),
        ("advisor=nobody", "no event names such an advisor"),
        ("from=2026-11-24&to=2026-11-23", "is after to"),
        ("from=2020-01-01", "366 at most"),
        ("by=hour", "`by` is not a parameter here"),
    ] {
        let answer = get(&router, &format!("/api/v1/rates?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(says), "{query}: {}", answer.body);
        let page = get(&router, &format!("/rates?{query}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

fn url_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_page_shows_them_in_both_languages(pool: PgPool) {
    let router = morning(pool).await;
    for (lang, words) in [
        (
            "zh",
            [
                "接听后完成率 (I / 真人接听)",
                "50.0 %",
                "每完成一份的拨打次数",
                "Q5 等候与休息区",
                "Asia/Shanghai",
                "4:01",
            ],
        ),
        (
            "en",
            [
                "Complete of those taken",
                "50.0 %",
                "Attempts per complete",
                "Q5 Waiting and lounge",
                "Asia/Shanghai",
                "3.20",
            ],
        ),
    ] {
        let page = get(&router, &format!("/rates?{DAYS}&lang={lang}")).await;
        assert_eq!(page.status, StatusCode::OK);
        for word in words {
            assert!(page.body.contains(word), "{lang}: {word}");
        }
        assert!(page.body.contains("5 / 10 · n = 19"), "each figure says what it is made of");
        let day = "2026-11-23</th><td class=\"num\">24</td><td class=\"num\">5</td><td class=\"num nowrap\" data-value=\"20.8\">20.8 %";
        assert!(
            page.body.contains(day) && page.body.contains("data-series"),
            "{lang}: completion by day, for the chart and the table"
        );
        let empty = "2026-11-22</th><td class=\"num\">0</td><td class=\"num\">0</td><td class=\"num nowrap\">–";
        assert!(page.body.contains(empty), "{lang}: a day without follow-ups is a gap");
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn of_an_empty_store_nothing_is_said(pool: PgPool) {
    let router = router(state(pool, None));
    let page = get(&router, "/rates?lang=en").await.body;
    assert!(page.contains("No call left in the period.") && page.contains("nothing counted yet"));
    assert!(!page.contains("0.0 %") && !page.contains("100.0 %"));
    let told = get(&router, "/api/v1/rates").await.json();
    assert_eq!((&told["attempts"]["n"], &told["by_hour"]), (&0.into(), &json!([])));
    assert_eq!(told["attempts"]["means"]["mean_complete_s"], json!({ "n": 0, "value": null }));
}

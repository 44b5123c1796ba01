//! Lists: stable pages, closed filters.

use serde_json::{Value, json};

use crate::world::{Caller, World};

fn users_of(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|entry| entry["userID"].as_str().unwrap().to_owned()).collect()
}

async fn create_profile(caller: &Caller<'_>, user: &str, more: Value) -> String {
    let mut body = json!({"userID": user});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = caller.post("/api/profiles/create", body).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_stable_while_profiles_are_added() {
    let world = World::new().await;
    let operator = world.operator();
    for n in 0..5 {
        create_profile(&operator, &format!("u{n}"), json!({})).await;
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let first = operator.get("/api/profiles?limit=2").await.expect(200);
    assert_eq!((users_of(&first), &first["has_more"]), (vec!["u4".into(), "u3".into()], &json!(true)));
    create_profile(&operator, "later", json!({})).await;
    let next = first["next_cursor"].as_str().unwrap();
    let second = operator.get(&format!("/api/profiles?limit=2&cursor={next}")).await.expect(200);
    assert_eq!(users_of(&second), ["u2", "u1"]);
    let next = second["next_cursor"].as_str().unwrap();
    let last = operator.get(&format!("/api/profiles?limit=2&cursor={next}")).await.expect(200);
    assert_eq!(
        (users_of(&last), &last["has_more"], &last["next_cursor"]),
        (vec!["u0".into()], &json!(false), &Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_narrow_and_unknown_values_are_refused() {
    let world = World::new().await;
    let operator = world.operator();
    let decided =
        create_profile(&operator, "anna", json!({"name": "Anna Å", "country": "SE", "email": "Anna@example.com"}))
            .await;
    create_profile(&operator, "bert", json!({"name": "100%", "country": "DE", "documentNumber": "X99"})).await;
    let step = json!({"previous_status": "unverified", "new_status": "in_review", "notes": "n"});
    operator.post(&format!("/api/status_history/{decided}"), step).await.expect(201);
    for (query, found) in [
        ("status=in_review", vec!["anna"]),
        ("status=unverified", vec!["bert"]),
        ("country=DE", vec!["bert"]),
        ("userID=anna", vec!["anna"]),
        ("q=ANNA%40EXAMPLE.COM", vec!["anna"]),
        ("q=ANNA%40EX", vec![]),
        ("q=x99", vec!["bert"]),
        ("q=100%25", vec!["bert"]),
        ("q=%25", vec![]),
        ("q=_", vec![]),
        ("verification_status=unverified&country=SE", vec!["anna"]),
        ("verification_status=verified", vec![]),
        ("created_after=2020-01-01", vec!["bert", "anna"]),
        ("created_before=2020-01-01T00:00:00Z", vec![]),
        ("q=%27%20or%201%3D1%20--", vec![]),
    ] {
        let list = operator.get(&format!("/api/profiles?{query}")).await.expect(200);
        let mut names = users_of(&list);
        names.sort();
        let mut found: Vec<_> = found.into_iter().map(str::to_owned).collect();
        found.sort();
        assert_eq!(names, found, "{query}");
    }
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=-1",
        "cursor=x",
        "cursor=",
        "cursor=1.abc",
        "status=Bad",
        "status=",
        "verification_status=done",
        "created_after=yesterday",
        "stauts=verified",
        "limit=1&limit=2",
        "q=a%00b",
    ] {
        operator.get(&format!("/api/profiles?{query}")).await.expect(400);
    }
    assert_eq!(users_of(&world.team("red").get("/api/profiles").await.expect(200)), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_are_newest_first_in_pages() {
    let world = World::new().await;
    let (id, _) = world.person("one").await;
    let operator = world.operator();
    for n in 0..5 {
        let step = json!({"previous_status": "a", "new_status": format!("s{n}"), "notes": "n"});
        operator.post(&format!("/api/status_history/{id}"), step).await.expect(201);
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = operator.get(&format!("/api/status_history/{id}?limit=2{cursor}")).await.expect(200);
        seen.extend(
            page["data"].as_array().unwrap().iter().map(|entry| entry["new_status"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, ["s4", "s3", "s2", "s1", "s0"]);
    operator.get(&format!("/api/status_history/{id}?cursor=-1")).await.expect(400);
    operator.get(&format!("/api/verification_history/{id}?status=x")).await.expect(400);
}

/// Who is found by a text.
async fn search(caller: &Caller<'_>, text: &str) -> Vec<String> {
    let request = caller.request(reqwest::Method::GET, "/api/profiles").query(&[("q", text)]);
    let mut found = users_of(&crate::world::answer(request).await.expect(200));
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn search_finds_whole_words_in_any_case_accent_and_normal_form() {
    let world = World::new().await;
    let operator = world.operator();
    create_profile(&operator, "user-1", json!({"name": "José Muñoz Ñandú", "email": "jose@example.com"})).await;
    let second = json!({"name": "Zoe\u{308} S\u{30C}koda", "documentNumber": "L01-X00/T47", "email": "zs@example.com"});
    create_profile(&operator, "user-2", second).await;
    create_profile(&operator, "user-3", json!({"name": "Straße_der; 100%"})).await;
    for (text, found) in [
        ("JOSÉ", vec!["user-1"]),
        ("josé", vec!["user-1"]),
        ("jose", vec!["user-1"]),
        ("JOSE\u{301}", vec!["user-1"]),
        ("ÑANDÚ", vec!["user-1"]),
        ("nandu munoz", vec!["user-1"]),
        ("ñandú zoë", vec![]),
        ("Zoë", vec!["user-2"]),
        ("zoe\u{308}", vec!["user-2"]),
        ("škoda ZOË", vec!["user-2"]),
        ("x00", vec!["user-2"]),
        ("l01-x00/t47", vec!["user-2"]),
        ("x0", vec![]),
        ("os", vec![]),
        ("Jos", vec![]),
        ("STRASSE", vec!["user-3"]),
        ("der 100", vec!["user-3"]),
        ("user", vec!["user-1", "user-2", "user-3"]),
        ("user 2", vec!["user-2"]),
        ("example.com", vec!["user-1", "user-2"]),
        ("zs@example.com", vec!["user-2"]),
        ("%", vec![]),
        ("_", vec![]),
        ("\u{301}", vec![]),
    ] {
        assert_eq!(search(&operator, text).await, found, "{text}");
    }
    assert!(search(&world.team("red"), "jose").await.is_empty(), "another team's");
}

#[tokio::test(flavor = "multi_thread")]
async fn search_follows_changes_and_continues_in_pages() {
    let world = World::new().await;
    let operator = world.operator();
    let id = create_profile(&operator, "first", json!({"name": "Anna Smith", "documentNumber": "OLD1"})).await;
    operator.patch(&format!("/api/profiles/{id}"), json!({"document_number": "NEW1"})).await.expect(200);
    assert_eq!(search(&operator, "new1 anna").await, ["first"]);
    assert!(search(&operator, "old1").await.is_empty());
    operator.patch(&format!("/api/profiles/{id}"), json!({"document_number": ""})).await.expect(200);
    assert!(search(&operator, "new1").await.is_empty());
    operator.patch(&format!("/api/profiles/{id}"), json!({"country": "UT"})).await.expect(200);
    assert_eq!(search(&operator, "anna").await, ["first"]);
    for n in 0..4 {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        create_profile(&operator, &format!("n{n}"), json!({"name": "Smith"})).await;
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = operator.get(&format!("/api/profiles?q=SMITH&limit=2{cursor}")).await.expect(200);
        seen.extend(users_of(&page));
        create_profile(&operator, &format!("later{}", seen.len()), json!({"name": "Smith"})).await;
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, ["n3", "n2", "n1", "n0", "first"]);
}

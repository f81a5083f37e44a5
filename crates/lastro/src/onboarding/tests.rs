//! Reading customers from files.

use super::{Coming, read};

const HEADER: &str = "name,slug,document,packageCode,adminName,adminEmail,adminPasswordHash";

#[test]
fn a_csv_has_its_columns_in_whatever_order_and_its_fields_as_rfc_4180_has_them() {
    let text = "\u{feff}slug,name,packageCode,adminName,adminEmail\r\n\
        padaria,\"Padaria \"\"Central\"\", Ltda\",starter,Ana Souza,ana@padaria.example\r\n\
        \r\n\
        outra,\"Outra\nem duas linhas\",starter,Bia,bia@outra.example";
    let lines = read(text).unwrap();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0].customer.organization.name, "Padaria \"Central\", Ltda");
    assert_eq!(lines[0].customer.organization.document, None);
    assert!(matches!(lines[0].customer.administrator.coming, Coming::Invited));
    assert_eq!((lines[0].number, lines[1].number), (2, 4));
}

#[test]
fn ndjson_has_the_same_fields() {
    let text = r#"{"name":"Padaria","slug":"padaria","document":null,"packageCode":"starter","adminName":"Ana","adminEmail":"a@b.example","adminPasswordHash":"$2b$10$x"}

{"name":"Outra","slug":"outra","packageCode":"starter","adminName":"Bia","adminEmail":"b@b.example"}
"#;
    let lines = read(text).unwrap();
    assert_eq!((lines[0].number, lines[1].number), (1, 3));
    assert!(matches!(lines[0].customer.administrator.coming, Coming::Hash(_)));
    let unknown = read(r#"{"name":"Padaria","slug":"padaria","tenantId":"1"}"#).unwrap_err();
    assert!(unknown[0].problem.contains("tenantId"), "{unknown:?}");
}

#[test]
fn every_line_that_is_wrong_is_told() {
    let text = format!(
        "{HEADER}\n\
         Padaria,padaria,33.000.167/0001-01,starter,Ana,a@b.example,\n\
         Outra,outra,33000167000101,starter,Bia,b@b.example,\n\
         Curta,curta\n\
         ,sem-nome,,starter,Caio,c@b.example,\n\
         Mesma,padaria,,starter,Davi,d@b.example,\n"
    );
    let problems: Vec<_> = read(&text).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "line 3: the document 33000167000101 is in the file twice",
            "line 4: 2 fields, where the header has 7",
            "line 5: name is missing",
            "line 6: the slug padaria is in the file twice",
        ]
    );
    assert_eq!(read("nome,slug\n").unwrap_err().len(), 1);
    assert_eq!(read("").unwrap_err().len(), 1);
    assert_eq!(read("name,slug\n\"Padaria,x\n").unwrap_err().len(), 1);
    assert_eq!(read("name,slug\n\"Padaria\"x,y\n").unwrap_err().len(), 1);
}

"""Registers of complaints, hotlines and lists of cities: nothing else is taken for the ticket."""

import pytest
from suggest_tables import numbers, table

from importer.suggest.headers import levels_of
from importer.suggest.suggesting import suggest
from importer.suggest.suggestion import Suggestion

COMPANIES = ["Acme Ltd", "Globex Inc", "Initech Group", "Hooli Inc", "Umbrella Corp", "Stark Industries Ltd"]
STREETS = ["522 WEST 134 STREET", "12 Oak Road, Salem", "7 ELM AVENUE", "Rua das Flores, 12", "9 Park Hill, Leeds"]
POLICIES = [f"POL-{70_000 + 7 * number}" for number in range(12)]
RECEIVED = [f"2024-05-{day:02}" for day in range(1, 13)]
ISSUED = [f"2024-02-{day:02}" for day in range(1, 13)]
LATIN = [f"the lift on floor {number} stands still again, and nobody answers the telephone" for number in range(12)]
HAN = [f"电梯第{number}次停在二楼,打电话没有人接听,请尽快派人来修理并回复我们。" for number in range(12)]
KANA = [
    f"エレベータが{number}回も二階で止まり、電話をしても誰も出ません。すぐに直してください。" for number in range(12)
]
HANGUL = [
    f"엘리베이터가 {number}번째 이층에서 멈췄고 전화를 받는 사람이 없습니다. 빨리 고쳐 주세요." for number in range(12)
]


def became(suggestion: Suggestion) -> dict[str, str]:
    """Column → field, of the columns that have one."""
    return {it.column: it.field for it in suggestion.choices if it.field not in ("other", "empty")}


#: Names of key, company, place, policy, day of receipt, day of the document, text, answer, status; and words of it.
REGISTERS = {
    "zh": ("投诉编号", "公司名称", "事发地址", "保单号", "受理日期", "发票日期", "投诉内容", "答复意见", "办理状态"),
    "ja": ("受付番号", "会社名", "住所", "証券番号", "受信日", "発行日", "ご相談内容", "対応結果", "対応状況"),
    "ko": ("접수번호", "업체명", "사고주소", "증권번호", "신청일", "계약일", "민원내용", "답변내용", "처리상태"),
    "it": ("Numero reclamo", "Impresa", "Luogo", "Numero polizza", "Data ricezione", "Data fattura",
           "Testo del reclamo", "Risposta", "Stato pratica"),
    "fr": ("N° dossier", "Société", "Lieu", "N° contrat", "Date de réception", "Date de facture",
           "Exposé des faits", "Réponse", "Avancement"),
    "es": ("Radicado", "Empresa", "Dirección", "Póliza", "Fecha de radicación", "Fecha del documento",
           "Hechos", "Respuesta", "Estado"),
    "pt": ("Protocolo", "Empresa", "Endereço", "Apólice", "Data de registro", "Data da nota fiscal",
           "Relato", "Resposta", "Situação"),
    "de": ("Vorgangsnr.", "Firma", "Anschrift", "Vertrag", "Eingangsdatum", "Rechnungsdatum",
           "Sachverhalt", "Antwort", "Bearbeitungsstand"),
    "pl": ("Nr reklamacji", "Firma", "Adres", "Numer polisy", "Data wpływu", "Data faktury",
           "Treść reklamacji", "Odpowiedź", "Status"),
    "ru": ("№ обращения", "Организация", "Адрес", "Номер полиса", "Дата поступления", "Дата договора",
           "Суть обращения", "Ответ", "Статус"),
    "en": ("Complaint No.", "Company", "Street", "Policy number", "Date received", "Invoice date",
           "Narrative", "Response", "Status"),
}  # fmt: skip
STATES = {
    "zh": ["已办结", "办理中"], "ja": ["対応済み", "未対応"], "ko": ["처리완료", "접수"], "it": ["Evasa", "Sospesa"],
    "fr": ["Clôturé", "À traiter"], "es": ["En trámite", "Archivado"], "pt": ["Concluída", "Em análise"],
    "de": ["erledigt", "in Arbeit"], "pl": ["Rozpatrzona", "W toku"], "ru": ["Исполнено", "На рассмотрении"],
    "en": ["Closed", "In review"],
}  # fmt: skip
TEXTS = {"zh": HAN, "ja": KANA, "ko": HANGUL}


@pytest.mark.parametrize("language", REGISTERS)
def test_a_register_of_complaints(language: str) -> None:
    key, company, place, policy, received, document, text, answer, status = REGISTERS[language]
    said = TEXTS.get(language, LATIN)
    cells = {
        key: numbers(), document: ISSUED, received: RECEIVED, company: COMPANIES, place: STREETS, policy: POLICIES,
        status: STATES[language], text: said, answer: [f"{it} {it}" for it in said],
    }  # fmt: skip
    suggestion = suggest(table(cells))
    fields = became(suggestion)
    assert fields == {key: "key", received: "created", text: "description", answer: "note", status: "status"}
    assert suggestion.made["title"] == "the start of the description"


@pytest.mark.parametrize("cells", [COMPANIES, STREETS, POLICIES])
def test_names_of_companies_and_places_are_no_titles_whatever_they_are_called(cells: list[str]) -> None:
    columns = {"Ticket ID": numbers(), "Xyz": cells, "Status": ["open", "closed"]}
    suggestion = suggest(table(columns, rows=len(cells)))
    assert suggestion.made["title"] == "the key"


def test_a_kind_begins_the_title_where_nothing_else_does() -> None:
    kinds = ["Pothole in Street", "Graffiti Removal", "Street Light Out"]
    suggestion = suggest(table({"SR_NUMBER": numbers(), "SR_TYPE": kinds, "STREET_ADDRESS": STREETS}))
    assert suggestion.made["title"] == "`SR_TYPE` with the key"


def test_a_rare_long_narrative_is_the_description() -> None:
    narratives = [" ".join(LATIN[:3]), "", ""]
    fields = became(suggest(table({"Id": numbers(), "What went on": narratives, "Product": ["Home", "Car"]})))
    assert fields["What went on"] == "description"


def test_a_name_for_short_words_does_not_bar_long_texts() -> None:
    assert (
        became(suggest(table({"Id": numbers(), "Nature": [f"{it}. {it}" for it in LATIN]})))["Nature"] == "description"
    )


@pytest.mark.parametrize(("share", "is_address"), [(11, True), (7, False)])
def test_a_column_is_an_address_if_nearly_all_of_its_cells_are(share: int, is_address: bool) -> None:
    logins = [f"u{n}@example.com" if n < share else f"u{1000 + n}" for n in range(12)]
    suggestion = suggest(table({"Id": numbers(), "Subject": ["It burns"], "Login": logins}))
    assert (became(suggestion).get("Login") == "requester_email") == is_address
    assert is_address or suggestion.trial.sent == 12


@pytest.mark.parametrize("planned", ["Planned", "Standard change", "Routine"])
def test_a_priority_is_better_than_an_impact_even_with_unknown_words(planned: str) -> None:
    cells = {"impact": ["1 - High", "2 - Medium"], "priority": [planned, "Zonk"]}
    assert became(suggest(table({"id": numbers(), "short_description": LATIN} | cells)))["priority"] == "priority"
    same = {"impact": ["3 - Low"], "priority": ["4 - Low"]}
    assert became(suggest(table({"id": numbers(), "short_description": LATIN} | same)))["priority"] == "priority"


@pytest.mark.parametrize(
    ("words", "levels"),
    [
        ("Show-stopper|Critical|Major|Normal|Minor", "URGENT URGENT HIGH NORMAL LOW"),
        ("Blocker|Critical|Major|Minor|Trivial", "URGENT URGENT HIGH NORMAL LOW"),
        ("Primordial|Muy alta|Alta|Mediana|Baja", "URGENT URGENT HIGH NORMAL LOW"),
        ("Muy urgente|Urgente|Media|Baja", "URGENT HIGH NORMAL LOW"),
        ("매우 긴급|긴급|보통|여유", "URGENT HIGH NORMAL LOW"),
        ("상|중|하", "HIGH NORMAL LOW"),
        ("不紧急|一般|紧急", "LOW NORMAL URGENT"),
        ("Zonk|Haute|Moyenne|Basse", "URGENT HIGH NORMAL LOW"),
        ("1 - Critical|2 - High|3 - Zonk|4 - Low|5 - Zink", "URGENT HIGH NORMAL LOW LOW"),
    ],
)
def test_a_word_of_a_scale_is_placed_by_the_others(words: str, levels: str) -> None:
    found = levels_of(words.split("|"))
    assert " ".join(level.priority for level in found.values()) == levels
    assert not any(level.sure for word, level in found.items() if "Zonk" in word or "Zink" in word)


@pytest.mark.parametrize("word", ["OK", "XY", "Zonk"])
def test_a_column_that_is_named_status_is_one(word: str) -> None:
    choices = suggest(table({"Id": numbers(), "Subject": LATIN, "Status": [word]})).choices
    assert {it.column: (it.field, it.mark) for it in choices}["Status"] == ("status", "CHECK")


def test_words_for_open_and_closed_are_known_in_many_languages() -> None:
    words = {
        "Fechado": "CLOSED", "Chiuso": "CLOSED", "Закрыта": "CLOSED", "已关闭": "CLOSED", "처리완료": "CLOSED",
        "Risolto": "RESOLVED", "Gelöst": "RESOLVED", "En attente": "PENDING", "On hold": "ON_HOLD",
        "未关闭": "OPEN  # CHECK", "not closed": "OPEN  # CHECK", "Unresolved": "OPEN  # CHECK",
    }  # fmt: skip
    text = suggest(table({"Id": numbers(), "Subject": LATIN, "Status": list(words)})).text
    for word, status in words.items():
        assert f"{word}: {status}\n" in text.replace('"', "")


def test_the_last_part_of_a_day_is_no_offset() -> None:
    text = suggest(table({"Id": numbers(), "Subject": LATIN, "Created": ["10-08-2024", "25-08-2024"]})).text
    assert "timezone: UTC" in text
    assert "CHECK: no time zone in the cells" in text


@pytest.mark.parametrize("form", ["2024-05-{:02}T10:00:00", "2024-05-{:02}T10:00:00.000+0000", "2024-05-{:02}T10:00Z"])
def test_a_moment_with_a_t_is_the_creation_before_the_day_of_a_document(form: str) -> None:
    moments = [form.format(day) for day in range(1, 13)]
    fields = became(suggest(table({"Ref": numbers(), "Issue date": ISSUED, "Logged": moments, "Text": LATIN})))
    assert fields["Logged"] == "created"
    assert "Issue date" not in fields


def test_names_that_korean_joins_are_taken_apart() -> None:
    cells = {"순번": numbers(), "민원제목": [f"{n}번 엘리베이터 고장" for n in range(12)], "주소": STREETS}
    assert became(suggest(table(cells))) == {"순번": "key", "민원제목": "title"}

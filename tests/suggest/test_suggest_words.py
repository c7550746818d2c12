"""The words are data, one file a language: whoever adds some adds a line here, and no code."""

import tomllib
from pathlib import Path

import pytest
from suggest_tables import numbers, table

import importer
from importer.suggest.headers import level_of, load_vocabulary
from importer.suggest.suggesting import suggest

FOLDER = Path(importer.__file__).parent / "suggest" / "words"
ROLES = {"key", "title", "description", "priority", "requester_email", "requester_name", "created", "closed"}
ROLES |= {"updated", "status", "type", "parent", "note", "label", "owner"}
#: Language → what it calls subject, status, the last update and priority.
NAMES = {
    "ar": ("الموضوع", "الحالة", "تاريخ التحديث", "الأولوية"),
    "cs": ("Předmět", "Stav", "Aktualizováno", "Priorita"),
    "de": ("Betreff", "Zustand", "Zuletzt geändert", "Priorität"),
    "en": ("Subject", "bug_status", "Last update time", "Severity"),
    "es": ("Asunto", "Estado", "Última actualización", "Prioridad"),
    "fr": ("Sujet", "Statut", "Mis à jour", "Priorité"),
    "hu": ("Tárgy", "Állapot", "Utolsó módosítás", "Prioritás"),
    "id": ("Judul", "Status", "Pembaruan terakhir", "Prioritas"),
    "it": ("Oggetto", "Stato", "Ultima modifica", "Priorità"),
    "ja": ("題名", "ステータス", "更新日時", "優先度"),
    "ko": ("제목", "상태", "수정일", "우선순위"),
    "nl": ("Onderwerp", "Toestand", "Laatst gewijzigd", "Prioriteit"),
    "pl": ("Temat", "Stan", "Ostatnia aktualizacja", "Priorytet"),
    "pt": ("Assunto", "Situação", "Última atualização", "Prioridade"),
    "ru": ("Тема", "Статус", "Обновлено", "Приоритет"),
    "tr": ("Konu", "Durum", "Son güncelleme", "Öncelik"),
    "uk": ("Тема", "Стан", "Оновлено", "Пріоритет"),
    "zh": ("主题", "状态", "更新时间", "优先级"),
}
#: The levels of GLPI, from the highest to the lowest.
GLPI = {
    "ca": "Molt alta|Alta|Mitjana|Baixa",
    "cs": "Velmi vysoká|Vysoká|Střední|Nízká",
    "de": "Sehr hoch|Hoch|Mittel|Niedrig",
    "el": "Πολύ υψηλή|Υψηλή|Μέτρια|Χαμηλή",
    "en": "Very high|High|Medium|Low",
    "es": "Muy alta|Alta|Media|Baja",
    "fi": "Erittäin korkea|Korkea|Keskitaso|Matala",
    "fr": "Très haute|Haute|Moyenne|Basse",
    "hr": "Vrlo visok|Visok|Srednji|Nizak",
    "hu": "Nagyon magas|Magas|Közepes|Alacsony",
    "it": "Molto alta|Alta|Media|Bassa",
    "ja": "非常に高い|高い|中|低い",
    "lt": "Labai aukštas|Aukštas|Vidutinis|Žemas",
    "nl": "Zeer hoog|Hoog|Gemiddeld|Laag",
    "pl": "Bardzo wysoki|Wysoki|Średni|Niski",
    "pt": "Muito alta|Alta|Média|Baixa",
    "ro": "Foarte ridicată|Ridicată|Medie|Scăzută",
    "ru": "Очень высокий|Высокий|Средний|Низкий",
    "sv": "Mycket hög|Hög|Medel|Låg",
    "tr": "Çok yüksek|Yüksek|Orta|Düşük",
    "uk": "Дуже високий|Високий|Середній|Низький",
    "vi": "Rất cao|Cao|Trung bình|Thấp",
    "zh": "非常高|高|中|低",
}
#: Columns of GLPI's ticket list: requester (there twice in the header), opening and closing date, and a status.
GLPI_COLUMNS = {
    "cs": ("Žadatel", "Otevřeno", "Uzavřeno", "Stav", "Zpracováváno (přiděleno)"),
    "de": ("Anforderer", "Eröffnungsdatum", "Abgeschlossen am", "Status", "In Bearbeitung (zugewiesen)"),
    "en": ("Requester", "Opening date", "Closing date", "Status", "Processing (assigned)"),
    "es": ("Solicitante", "Fecha de apertura", "Fecha de cierre", "Estado", "En curso (asignada)"),
    "fr": ("Demandeur", "Date d'ouverture", "Date de clôture", "Statut", "En cours (Attribué)"),
    "it": ("Richiedente", "Aperta il", "Chiusa il", "Stato", "In lavorazione (assegnata)"),
    "ja": ("依頼者", "発生日", "解決日", "ステータス", "対応中（担当者割り当て済み）"),
    "nl": ("Aanvrager", "Geopend op", "Afgesloten op", "Status", "Bezig met verwerken (toegewezen)"),
    "pl": ("Zgłaszający", "Otwarte", "Zamknięte o", "Status", "W toku (przypisane)"),
    "pt": ("Requerente", "Data de abertura", "Data de fechamento", "Status", "Em atendimento (atribuído)"),
    "ru": ("Инициатор запроса", "Открыта", "Закрыто в", "Статус", "В работе (назначена)"),
    "tr": ("Talep eden", "Kayıt tarihi", "Kapandı", "Durum", "İşlemde (atanmış)"),
}


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.toml")), ids=lambda file: file.stem)
def test_each_file_says_its_language_and_where_its_words_were_seen(file: Path) -> None:
    content = tomllib.loads(file.read_text("utf-8"))
    readme = (FOLDER / "README.md").read_text("utf-8")
    assert content["language"]
    for block in content["seen"]:
        assert len(block["where"]) > 10
        assert set(block) <= {"where", "prefixes", "columns", "phrases", "levels", "words"}
        assert set(block.get("columns", {})) | set(block.get("phrases", {})) <= ROLES
        assert set(block.get("levels", {})) <= {"URGENT", "HIGH", "NORMAL", "LOW"}
        assert all(f"`{about}`" in readme or f"words] {about}`" in readme for about in block.get("words", {}))


@pytest.mark.parametrize("language", NAMES)
def test_names_of_columns(language: str) -> None:
    vocabulary = load_vocabulary()
    for name, role in zip(NAMES[language], ("title", "status", "updated", "priority"), strict=True):
        assert vocabulary.called(vocabulary.names_of(name), role).points


@pytest.mark.parametrize("language", GLPI_COLUMNS)
def test_columns_of_glpi(language: str) -> None:
    requester, opened, closed, status, word = GLPI_COLUMNS[language]
    columns = {
        "ID": numbers(),
        opened: ["2031-05-02 10:00", "2031-05-04 09:00"],
        closed: ["2031-05-03 10:00", "2031-05-05 09:00"],
        status: [word],
        f"{requester} - {requester}": ["Ana Paz", "Bo Lind"],
    }
    became = {choice.column: (choice.field, choice.mark) for choice in suggest(table(columns)).choices}
    assert [became[name][0] for name in columns] == ["key", "created", "closed", "status", "requester_name"]
    assert became[status][1] == "GUESS"  # its word is known as one of a status


@pytest.mark.parametrize("language", GLPI)
def test_levels_of_priority(language: str) -> None:
    levels = [level_of(word) for word in GLPI[language].split("|")]
    assert [level.priority for level in levels] == ["URGENT", "HIGH", "NORMAL", "LOW"]
    assert all(level.sure for level in levels)


def test_case_and_accents_do_not_count() -> None:
    vocabulary = load_vocabulary()
    assert vocabulary.called(vocabulary.names_of("DESCRICAO"), "description").points
    assert level_of("MEDIA") == level_of("média")


def test_a_number_behind_a_name_for_priority_is_a_rank() -> None:
    level = level_of("Priority 2")
    assert (level.priority, level.sure) == ("HIGH", False)


@pytest.mark.parametrize("name", ["type_probleme", "Categoria del error", "Categoria do chamado", "Complaint category"])
def test_a_name_that_mentions_a_kind_is_to_be_checked(name: str) -> None:
    text = suggest(table({"ID": numbers(), "Subject": ["It burns"], name: ["Network", "Printer"]})).text
    assert f"# CHECK: `{name}`, matched by name: the kind of ticket; its name only mentions a kind." in " ".join(
        text.replace("\n    #  ", "").split()
    )


def test_who_filed_a_petition_is_its_requester() -> None:
    vocabulary = load_vocabulary()
    for name in ("신청인", "민원인"):
        assert vocabulary.called(vocabulary.names_of(name), "requester_name").points

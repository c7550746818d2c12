"""Exports with known answers, made from a seed: ten languages, both orders of dates, histories, exports without ids."""

from __future__ import annotations

import csv
import datetime as dt
import random
from dataclasses import dataclass, field
from pathlib import Path

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

#: By language: names of key, title, description, priority, status, created, updated, e-mail, name of the requester,
#: agent, answer; then words of a priority, of a status, and what people write.
LANGUAGES: dict[str, tuple[list[str], list[str], list[str], list[str]]] = {
    "en": (
        [
            "Ticket ID",
            "Subject",
            "Description",
            "Priority",
            "Status",
            "Created at",
            "Updated at",
            "Requester email",
            "Requester",
            "Assignee",
            "Answer",
        ],
        ["Urgent", "High", "Normal", "Low"],
        ["Open", "Closed", "Pending"],
        ["The printer", "My account", "This invoice", "does not work", "is locked", "is wrong"],
    ),
    "en_snake": (
        [
            "ticket_id",
            "short_desc",
            "customer_text",
            "bug_severity",
            "bug_status",
            "creation_ts",
            "delta_ts",
            "reporter_email",
            "reporter_name",
            "assigned_to",
            "agent_reply",
        ],
        ["P1", "P2", "P3", "P4"],
        ["open", "closed", "on_hold"],
        ["The printer", "My account", "This invoice", "does not work", "is locked", "is wrong"],
    ),
    "de": (
        [
            "Ticketnummer",
            "Betreff",
            "Beschreibung",
            "Priorität",
            "Status",
            "Erstellt am",
            "Zuletzt geändert",
            "E-Mail-Adresse",
            "Melder",
            "Bearbeiter",
            "Lösung",
        ],
        ["Sehr hoch", "Hoch", "Mittel", "Niedrig"],
        ["Offen", "Geschlossen", "In Bearbeitung"],
        ["Der Drucker", "Mein Konto", "Die Rechnung", "geht nicht", "ist gesperrt", "ist falsch"],
    ),
    "fr": (
        [
            "Numéro de ticket",
            "Objet",
            "Contenu",
            "Priorité",
            "Statut",
            "Date d'ouverture",
            "Dernière modification",
            "Adresse e-mail",
            "Demandeur",
            "Technicien",
            "Réponse",
        ],
        ["Très haute", "Haute", "Moyenne", "Basse"],
        ["Nouveau", "Clos", "En cours"],
        ["L'imprimante", "Mon compte", "La facture", "ne marche plus", "est bloqué", "est fausse"],
    ),
    "es": (
        [
            "Nro ticket",
            "Asunto",
            "Descripcion",
            "Prioridad",
            "Estado",
            "Fecha de creación",
            "Última actualización",
            "Correo electrónico",
            "Solicitante",
            "Técnico",
            "Respuesta",
        ],
        ["Muy alta", "Alta", "Media", "Baja"],
        ["Abierto", "Cerrado", "Pendiente"],
        ["La impresora", "Mi cuenta", "La factura", "no funciona", "está bloqueada", "está mal"],
    ),
    "pt": (
        [
            "Número do chamado",
            "Assunto",
            "Descrição",
            "Prioridade",
            "Situação",
            "Data de abertura",
            "Última atualização",
            "E-mail do solicitante",
            "Requerente",
            "Analista",
            "Solução",
        ],
        ["Crítica", "Alta", "Média", "Baixa"],
        ["Aberto", "Fechado", "Em andamento"],
        ["A impressora", "Minha conta", "A fatura", "não funciona", "está bloqueada", "está errada"],
    ),
    "it": (
        [
            "Numero ticket",
            "Oggetto",
            "Descrizione",
            "Priorità",
            "Stato",
            "Data apertura",
            "Ultima modifica",
            "Email richiedente",
            "Richiedente",
            "Tecnico",
            "Soluzione",
        ],
        ["Molto alta", "Alta", "Media", "Bassa"],
        ["Aperto", "Chiuso", "In corso"],
        ["La stampante", "Il conto", "La fattura", "non funziona", "è bloccato", "è sbagliata"],
    ),
    "pl": (
        [
            "Nr zgłoszenia",
            "Temat",
            "Opis",
            "Priorytet",
            "Stan",
            "Data utworzenia",
            "Ostatnia aktualizacja",
            "Adres e-mail",
            "Zgłaszający",
            "Przypisany do",
            "Odpowiedź",
        ],
        ["Krytyczny", "Wysoki", "Średni", "Niski"],
        ["Otwarte", "Zamknięte", "Nowe"],
        ["Drukarka", "Moje konto", "Faktura", "nie działa", "jest zablokowane", "jest błędna"],
    ),
    "ru": (
        [
            "Номер заявки",
            "Тема",
            "Описание",
            "Приоритет",
            "Статус",
            "Дата создания",
            "Обновлено",
            "Электронная почта",
            "Заявитель",
            "Исполнитель",
            "Ответ",
        ],
        ["Срочный", "Высокий", "Обычный", "Низкий"],
        ["Новая", "Закрыта", "В работе"],
        ["Принтер", "Мой счёт", "Договор", "не работает", "заблокирован", "неверен"],
    ),
    "ja": (
        [
            "受付番号",
            "件名",
            "内容",
            "優先度",
            "ステータス",
            "作成日時",
            "更新日時",
            "メールアドレス",
            "お客様名",
            "担当者",
            "回答",
        ],
        ["緊急", "高", "中", "低"],
        ["新規", "完了", "対応中"],
        ["プリンタが", "口座が", "請求書が", "動きません", "止まっています", "違います"],
    ),
}
ROLES = (
    *("key", "title", "description", "priority", "status", "created", "updated"),
    *("requester_email", "requester_name", "owner", "note"),
)
PRIORITIES = ("URGENT", "HIGH", "NORMAL", "LOW")
PEOPLE = ("Ana Paz", "Bo Lind", "Cem Kaya", "Dana Roth", "Eva Maria Sole", "Finn Berg")
STRANGERS = ("hours", "invoice", "account", "place", "amount", "count", "flag", "sparse")


@dataclass
class Export:
    """An export, and what is true of it."""

    path: Path
    header: list[str]
    rows: list[list[str]]
    truth: dict[str, str]  #: Column → its role; ``other`` for all that have none.
    created: list[dt.datetime]
    levels: list[str]  #: The priority that each row means.
    has_id: bool
    is_history: bool
    comments: int = 0  #: Comments in a second file.
    what: str = ""
    columns: dict[str, str] = field(default_factory=dict)  #: Role → column.


def make(seed: int, folder: Path) -> Export:
    """The export of a seed, as a file in ``folder``."""
    draw = random.Random(seed)
    language = list(LANGUAGES)[seed % len(LANGUAGES)]
    names, levels, states, parts = LANGUAGES[language]
    column = dict(zip(ROLES, names, strict=True))
    has_id, is_history = draw.random() > 0.15, draw.random() < 0.15
    count, tickets = draw.randint(12, 40), []
    begin = dt.datetime(draw.choice((2023, 2024)), draw.randint(1, 12), draw.randint(1, 28), 9)
    pattern = draw.choice(("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M"))
    step = draw.choice((1, 3, 11))
    space = "" if language == "ja" else " "
    prefix = draw.choice(("", "SUP-", "INC000"))
    for n in range(count):
        level, person = draw.randrange(4), draw.randrange(len(PEOPLE))
        moment = begin + dt.timedelta(days=step * n, hours=draw.randint(0, 9), minutes=draw.randint(0, 59))
        said = space.join((parts[draw.randrange(3)], parts[3 + draw.randrange(3)]))
        tickets.append(
            {
                "key": f"{prefix}{1001 + n}",
                "title": f"{said}{space}{n}",
                "description": f"{said}. " * draw.randint(3, 9) + f"({n})",
                "priority": levels[level],
                "status": states[draw.randrange(3)],
                "created": moment.strftime(pattern),
                "updated": (moment + dt.timedelta(days=draw.randint(1, 9))).strftime(pattern),
                "requester_email": f"user{person}@example.com",
                "requester_name": PEOPLE[person],
                "owner": PEOPLE[draw.randrange(2)],
                "note": f"{said}, {parts[0]} {parts[3]}. " * draw.randint(9, 14),
                "hours": f"{draw.randint(1, 900)}.{draw.randint(1, 9)}",
                "invoice": (begin - dt.timedelta(days=400 - n)).strftime(pattern),
                "account": f"{draw.getrandbits(48):012x}",
                "place": draw.choice(("SP", "RJ", "MG", "BA")),
                "amount": str(10 * draw.randint(1, 99999) + n),
                "count": str(draw.randint(0, 9)),
                "flag": draw.choice(("yes", "no", "maybe")),
                "sparse": said if n == 3 else "",
                "moment": moment.isoformat(),
                "level": PRIORITIES[level],
            }
        )
    if is_history and has_id:
        tickets = [ticket | {"status": state} for ticket in tickets for state in draw.sample(states, 2)]
    extra = {
        "hours": "Resolution time (hours)",
        "invoice": "Invoice date",
        "account": "Account",
        "place": "State",
        "amount": "Total amount",
        "count": "Reopen count",
        "flag": "Escalated",
        "sparse": "Headline",
    }
    used = [role for role in ROLES if role in ("title", "created") or draw.random() > 0.2]
    used = [role for role in used if role != "key"]
    used = ["key", *used] if has_id else used
    used += draw.sample(STRANGERS, draw.randint(2, 6))
    if draw.random() < 0.5:
        draw.shuffle(used)
    named = column | extra
    header = [named[role] for role in used]
    rows = [[ticket[role] for role in used] for ticket in tickets]
    truth = {named[role]: role if role in ROLES and role not in ("updated", "owner") else "other" for role in used}
    path = _save(folder, seed, draw, header, rows)
    comments = 0
    if has_id and not is_history and draw.random() < 0.4:
        comments = _save_comments(path, draw, column["key"], tickets)
    return Export(
        path,
        header,
        rows,
        truth,
        [dt.datetime.fromisoformat(ticket["moment"]) for ticket in tickets],
        [ticket["level"] for ticket in tickets],
        has_id,
        is_history and has_id,
        comments,
        f"seed {seed}: {language}, {pattern}",
        {role: named[role] for role in used},
    )


def _save(folder: Path, seed: int, draw: random.Random, header: list[str], rows: list[list[str]]) -> Path:
    """As CSV, with or without a title above the header, or as a workbook behind a cover."""
    folder = folder / str(seed)
    folder.mkdir()
    if draw.random() < 0.2:
        path = folder / "export.xlsx"
        with xlsxwriter.Workbook(path) as book:
            if draw.random() < 0.5:
                book.add_worksheet("Cover").write_row(0, 0, ["Support"])
            else:
                _write_dashboard(book.add_worksheet("Dashboard"), draw)
            sheet = book.add_worksheet("Tickets")
            for number, row in enumerate([header, *rows]):
                for place, cell in enumerate(row):
                    sheet.write_string(number, place, cell)
        return path
    path = folder / "export.csv"
    with path.open("w", encoding=draw.choice(("utf-8", "utf-8-sig")), newline="") as file:
        if draw.random() < 0.2:
            file.write("All tickets of the year\n\n")
        csv.writer(file, delimiter=draw.choice(",;\t")).writerows([header, *rows])
    return path


def _write_dashboard(sheet: Worksheet, draw: random.Random) -> None:
    """Counts of tickets by month and status, as people put them in front."""
    sheet.write_row(0, 0, ["Month", "Open", "Closed", "Total"])
    for month in range(1, 13):
        counts = [draw.randint(1, 99), draw.randint(1, 99)]
        sheet.write_row(month, 0, [month, *counts, sum(counts)])


def _save_comments(export: Path, draw: random.Random, key: str, tickets: list[dict[str, str]]) -> int:
    rows = [[ticket["key"], ticket["created"], "Ana Paz", ticket["description"]] for ticket in tickets[::2]]
    draw.shuffle(rows)
    with (export.parent / "comments.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[key, "Created", "Author", "Comment"], *rows])
    return len(rows)

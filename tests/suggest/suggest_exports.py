# ruff: noqa: E501 (lines of exports are as long as they are)
"""Small invented exports as real systems write them, and what is right about them, read by hand."""

from __future__ import annotations

import codecs
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xlsxwriter

LONG = "The amount on the last invoice is not what we agreed on in March; please correct it. "


@dataclass(frozen=True)
class Sample:
    """An export, and the cases that it means; ``expected`` has the fields that are looked at, row by row."""

    name: str
    save: Callable[[Path], object]
    expected: list[dict[str, Any]]
    reading: dict[str, str] = field(default_factory=dict)
    said: tuple[str, ...] = ()  # in the suggested mapping
    filtered: int = 0


def text(lines: str, *, encoding: str = "utf-8", mark: bytes = b"", end: str = "\n") -> Callable[[Path], object]:
    """Writes ``lines``, which are indented as in the source code."""
    rows = end.join(line.strip() for line in lines.strip().splitlines()) + end
    return lambda path: path.write_bytes(mark + rows.encode(encoding))


def sheets(**tables: list[list[Any]]) -> Callable[[Path], object]:
    """Writes a workbook; sheets called ``hidden`` are hidden."""

    def write(path: Path) -> None:
        with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd hh:mm"}) as book:
            for name, rows in tables.items():
                sheet = book.add_worksheet(name)
                for number, row in enumerate(rows):
                    sheet.write_row(number, 0, row)
                if name == "hidden":
                    sheet.hide()

    return write


def case(key: str, title: str, description: str, **more: Any) -> dict[str, Any]:
    """What is expected of a case; ``created`` is the first date field, ``note`` stands in one of the notes."""
    return {"key": key, "title": title, "description": description, **more}


SAMPLES = [
    Sample(
        "jira-de.csv",
        text(
            """
            Zusammenfassung,Vorgangsschlüssel,Vorgangs-ID,Vorgangstyp,Projektschlüssel,Priorität,Autor,Erstellt,Beschreibung,Kommentar,Kommentar
            Drucker steht,SUP-1,20001,Aufgabe,SUP,Höchste,Ana,05/Mai/23 7:04,Seit heute früh druckt er nichts.,05/Mai/23 8:00;tom;Neu gestartet,
            Login geht nicht,SUP-2,20002,Bug,SUP,Niedrig,Bo,17/Dez/23 17:04,Das Konto ist gesperrt.,17/Dez/23 18:00;tom;Erster,18/Dez/23 9:00;tom;Zweiter
            """
        ),
        [
            case(
                *("SUP-1", "Drucker steht", "Seit heute früh druckt er nichts."),
                priority="URGENT",
                created="2023-05-05T07:04:00Z",
                note="Neu gestartet",
            ),
            case(
                *("SUP-2", "Login geht nicht", "Das Konto ist gesperrt."),
                priority="LOW",
                created="2023-12-17T17:04:00Z",
                note="Zweiter",
            ),
        ],
        said=("looks like an export from Jira (German)",),
    ),
    Sample(
        "jira-fr.csv",
        text(
            """
            Résumé,Clé de ticket,ID de ticket,Type de ticket,Clé de projet,Priorité,Rapporteur,Création,Description
            Imprimante en panne,SUP-1,20001,Tâche,SUP,La plus haute,Ana,04/févr./24 9:04,Elle n'imprime plus rien.
            Facture erronée,SUP-2,20002,Tâche,SUP,Basse,Bo,17/août/23 17:04,Le montant est faux.
            """
        ),
        [
            case(
                *("SUP-1", "Imprimante en panne", "Elle n'imprime plus rien."),
                priority="URGENT",
                created="2024-02-04T09:04:00Z",
                requester_name="Ana",
            ),
            case(
                *("SUP-2", "Facture erronée", "Le montant est faux."),
                priority="LOW",
                created="2023-08-17T17:04:00Z",
                requester_name="Bo",
            ),
        ],
        said=("looks like an export from Jira (French)",),
    ),
    Sample(
        "redmine-ru.csv",
        text(
            """
            #;Проект;Трекер;Статус;Приоритет;Тема;Автор;Создано;Описание
            101;Поддержка;Ошибка;Новая;Низкий;Принтер не печатает;Анна;25.01.2024 09:04;С утра ничего не печатает
            102;Поддержка;Ошибка;Новая;Срочный;Не могу войти;Борис;03.04.2024 10:00;Учётная запись заблокирована
            """,
            encoding="cp1251",
        ),
        [
            case(
                *("101", "Принтер не печатает", "С утра ничего не печатает"),
                priority="LOW",
                created="2024-01-25T09:04:00Z",
            ),
            case(
                *("102", "Не могу войти", "Учётная запись заблокирована"),
                priority="URGENT",
                created="2024-04-03T10:00:00Z",
                requester_name="Борис",
            ),
        ],
        {"encoding": "cp1251"},
        said=("day first, as '25.01.2024 09:04' shows",),
    ),
    Sample(
        "lista-pl.csv",
        text(
            """
            Nr zgłoszenia;Temat;Opis problemu;Priorytet;Data zgłoszenia;E-mail
            0007;Błąd logowania;Nie mogę się zalogować;Pilny;3 września 2024;ana@example.com
            0008;Zły adres;Źle wydrukowana etykieta;Niski;15 października 2024;bo@example.com
            """,
            encoding="iso8859-2",
            end="\r\n",
        ),
        [
            case(
                *("0007", "Błąd logowania", "Nie mogę się zalogować"),
                priority="URGENT",
                created="2024-09-03T00:00:00Z",
                requester_email="ana@example.com",
            ),
            case(
                *("0008", "Zły adres", "Źle wydrukowana etykieta"),
                priority="LOW",
                created="2024-10-15T00:00:00Z",
                requester_email="bo@example.com",
            ),
        ],
        {"encoding": "iso8859-2"},
    ),
    Sample(
        "gongdan.csv",
        text(
            """
            工单编号,标题,问题描述,优先级,创建时间,客户姓名,客户邮箱
            GD1001,打印机无法打印,二楼的打印机完全无法打印,紧急,2024年3月1日 09:04,王芳,wang@example.com
            GD1002,无法登录系统,系统提示账户被锁定,低,2024年12月25日 18:00,李伟,li@example.com
            """,
            encoding="gb18030",
        ),
        [
            case(
                *("GD1001", "打印机无法打印", "二楼的打印机完全无法打印"),
                priority="URGENT",
                created="2024-03-01T09:04:00Z",
                requester_name="王芳",
            ),
            case(
                *("GD1002", "无法登录系统", "系统提示账户被锁定"),
                priority="LOW",
                created="2024-12-25T18:00:00Z",
                requester_email="li@example.com",
            ),
        ],
        {"encoding": "gb18030"},
    ),
    Sample(
        "toiawase.csv",
        text(
            """
            受付番号,受付日時,お客様名,件名,内容,重要度
            R1,2024/03/01 9:04,佐藤,印刷できない,今朝から印刷できません,緊急
            R2,2024/03/02 10:00,鈴木,ログインできない,ロックされています,低
            """,
            encoding="cp932",
        ),
        [
            case("R1", "印刷できない", "今朝から印刷できません", priority="URGENT", created="2024-03-01T09:04:00Z"),
            case("R2", "ログインできない", "ロックされています", priority="LOW", requester_name="鈴木"),
        ],
        {"encoding": "cp932"},
    ),
    Sample(
        "arabic.txt",
        text(
            """
            رقم التذكرة\tالموضوع\tالوصف\tالأولوية\tتاريخ الإنشاء\tالبريد الإلكتروني
            T1\tالطابعة لا تطبع\tمنذ الصباح لا تطبع أي شيء\tعاجلة\t25/01/2024 09:04\tana@example.com
            T2\tلا أستطيع الدخول\tحسابي مقفل\tمنخفضة\t03/04/2024 10:00\tbo@example.com
            """,
            encoding="utf-16-le",
            mark=codecs.BOM_UTF16_LE,
        ),
        [
            case(
                "T1", "الطابعة لا تطبع", "منذ الصباح لا تطبع أي شيء", priority="URGENT", created="2024-01-25T09:04:00Z"
            ),
            case("T2", "لا أستطيع الدخول", "حسابي مقفل", priority="LOW", created="2024-04-03T10:00:00Z"),
        ],
    ),
    Sample(
        "servicedesk-plus.csv",
        text(
            """
            All Requests

            Generated by : administrator on May 1 2024

            Request ID,Subject,Requester,Created Time,Priority,Description
            1001,Printer is broken,Ana,"Mar 1, 2024 09:04 AM",High,It prints nothing
            1002,Cannot log in,Bo,"Dec 31, 2024 06:00 PM",Low,"The account, he says, is locked"
            """
        ),
        [
            case("1001", "Printer is broken", "It prints nothing", priority="HIGH", created="2024-03-01T09:04:00Z"),
            case("1002", "Cannot log in", "The account, he says, is locked", created="2024-12-31T18:00:00Z"),
        ],
        said=("skipped above the header: 'All Requests'",),
    ),
    Sample(
        "monday.xlsx",
        sheets(
            Cover=[["Support"], ["exported by Ana"]],
            Board=[
                ["Support board"],
                [],
                ["Name", "Person", "Priority", "Description", "Item ID"],
                ["Printer is broken", "Tom", "Critical ⚠️️", "It prints nothing", 5000000001],
                ["Cannot log in", "Sue", "Low", "The account is locked", 5000000002],
            ],
            hidden=[["x"]],
        ),
        [
            case("5000000001", "Printer is broken", "It prints nothing", priority="URGENT"),
            case("5000000002", "Cannot log in", "The account is locked", priority="LOW"),
        ],
        said=(
            "reading sheet 'Board' only, which looks most like tickets; not read: 'Cover'",
            "hidden sheets not read: 'hidden'",
        ),
    ),
    Sample(
        "totals.xlsx",
        sheets(
            Tickets=[
                ["Number", "Subject", "Details", "Opened", "Cost"],
                ["0001", "Printer is broken", "It prints nothing", dt.datetime(2024, 3, 1, 9, 4), 12.5],
                ["0002", "Cannot log in", "The account is locked", dt.datetime(2024, 12, 31), 1],
                ["Total", "", "", "", 13.5],
            ]
        ),
        [
            case("0001", "Printer is broken", "It prints nothing", created="2024-03-01T09:04:00Z"),
            case("0002", "Cannot log in", "The account is locked", created="2024-12-31T00:00:00Z"),
        ],
        said=(
            "probably not tickets: 1 line at the end: 'Total | 13.5' (row 4)",
            'skip: "empty({Subject}) and empty({Details})"',
        ),
        filtered=1,
    ),
    Sample(
        "kayako.tsv",
        text(
            """
            ticketid\tfullname\temail\tsubject\tprioritytitle\tdateline\tlastactivity\tcontents
            1001\tAna\tana@example.com\tPrinter is broken\tUrgent\t1709283845\t1709283999\tIt prints nothing
            1002\tBo\tbo@example.com\tCannot log in\tLow\t1735639200\t1735639300\tThe account is locked
            """
        ),
        [
            case(
                *("1001", "Printer is broken", "It prints nothing"),
                priority="URGENT",
                created="2024-03-01T09:04:05Z",
                requester_name="Ana",
            ),
            case(
                *("1002", "Cannot log in", "The account is locked"),
                created="2024-12-31T10:00:00Z",
                requester_email="bo@example.com",
            ),
        ],
    ),
    Sample(
        "rt.tsv",
        text(
            """
            id\tQueue\tSubject\tStatus\tPriority\tOwner\tRequestors\tCreated\tLastUpdated
            71\tGeneral\tPrinter is broken\topen\t10\ttom\tana@example.com\tFri Mar 01 09:04:05 2024\tSat Mar 02 09:04:05 2024
            72\tGeneral\tCannot log in\topen\t50\ttom\tbo@example.com\tTue Dec 31 18:00:00 2024\tTue Dec 31 18:00:00 2024
            """
        ),
        [
            case("71", "Printer is broken", "", created="2024-03-01T09:04:05Z", requester_email="ana@example.com"),
            case("72", "Cannot log in", "", created="2024-12-31T18:00:00Z", requester_email="bo@example.com"),
        ],
    ),
    Sample(
        "salesforce.csv",
        text(
            """
            ID,CASENUMBER,CONTACTID,ACCOUNTID,SUPPLIEDNAME,SUPPLIEDEMAIL,STATUS,ORIGIN,SUBJECT,PRIORITY,DESCRIPTION,ISCLOSED,CREATEDDATE
            5008d00000A0001AAA,00001001,0038d,0018d,Ana,ana@example.com,New,Web,Printer is broken,High,It prints nothing,false,2024-03-01T09:04:05.000Z
            5008d00000A0002AAA,00001002,0038d,0018d,Bo,bo@example.com,New,Web,Cannot log in,Low,The account is locked,false,2024-12-31T18:00:00.000+0000
            """
        ),
        [
            case(
                *("00001001", "Printer is broken", "It prints nothing"),
                priority="HIGH",
                created="2024-03-01T09:04:05Z",
                requester_email="ana@example.com",
            ),
            case("00001002", "Cannot log in", "The account is locked", created="2024-12-31T18:00:00Z"),
        ],
        said=("looks like an export from Salesforce",),
    ),
    Sample(
        "zoho.csv",
        text(
            f"""
            Request Id,Ticket Owner,Contact Name,Email,Subject,Description,Priority,Created Time
            1001,Tom,Ana,ana@example.com,Printer is broken,<div>It prints <b>nothing</b><br></div>,High,01 Mar 2024 09:04 AM
            1002,Sue,Bo,bo@example.com,{"Cannot log in " * 12},<div>{LONG * 30}</div>,Low,31 Dec 2024 06:00 PM
            """
        ),
        [
            case("1001", "Printer is broken", "It prints nothing", created="2024-03-01T09:04:00Z"),
            case("1002", ("Cannot log in " * 12)[:149].rstrip() + "…", LONG, note=(LONG * 30).strip()),
        ],
        said=("# owner_id: {lookup: {file: owners.csv, key: name, by: Ticket Owner",),
    ),
    Sample(
        "google-forms.csv",
        text(
            """
            Timestamp,Email Address,What is the problem about?,Please describe the problem in detail,How urgent is it?
            3/25/2024 9:04:05,ana@example.com,Printer is broken,It prints nothing at all since this morning,High
            4/3/2024 18:00:00,bo@example.com,Cannot log in,The account is locked and I do not know why,Low
            """
        ),
        [
            case(
                *(
                    "debe1822ab11-2",
                    "Printer is broken",
                    "It prints nothing at all since this morning",
                ),
                priority="HIGH",
                created="2024-03-25T09:04:05Z",
                requester_email="ana@example.com",
            ),
            case(
                *("debe1822ab11-3", "Cannot log in", "The account is locked and I do not know why"),
                priority="LOW",
                created="2024-04-03T18:00:00Z",
            ),
        ],
        said=("no id column: the row number is the key",),
    ),
    Sample(
        "bugzilla.csv",
        text(
            """
            Bug ID,Product,Assignee,Status,Summary,Priority,Opened,Reporter
            17,Desk,tom@agents.example.com,NEW,Printer is broken,P1,2024-03-01 09:04:05,ana@example.com
            18,Desk,sue@agents.example.com,NEW,Cannot log in,P5,2024-12-31 18:00:00,bo@example.com
            """
        ),
        [
            case("17", "Printer is broken", "", priority="URGENT", requester_email="ana@example.com"),
            case("18", "Cannot log in", "", priority="LOW", created="2024-12-31T18:00:00Z"),
        ],
        said=("# owner_id: {lookup: {file: owners.csv, key: email, by: Assignee",),
    ),
]

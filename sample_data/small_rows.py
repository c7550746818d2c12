"""What one ticket looks like in the exports of eleven systems: column by column, in the order of the real file."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from invented import Person, Voice

AGENTS = ("Ottoline Grabb", "Ferdinand Quaye", "Mirela Stoica-Brandt", "Yusuf Adeyemi-Holt")

Row = list[tuple[str, str]]


class Ticket(NamedTuple):
    """What all systems have in common about a ticket, before each writes it in its own way."""

    nth: int
    who: Person
    opened: datetime
    updated: datetime
    closed: datetime | None
    agent: str
    title: str
    text: str


def written(moment: datetime | None, form: str) -> str:
    """A date as text; English month names whatever the locale, and no zero before an hour of twelve."""
    if moment is None:
        return ""
    short = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[moment.month - 1]
    half = "PM" if moment.hour >= 12 else "AM"
    return moment.strftime(form.replace("%b", short).replace("%I", str(moment.hour % 12 or 12)).replace("%p", half))


def freshdesk(voice: Voice, it: Ticket) -> Row:
    """Freshdesk, all fields ticked."""
    when = "%Y-%m-%d %H:%M:%S"
    return [
        ("Ticket ID", str(4_001 + it.nth)),
        ("Subject", it.title),
        ("Description", it.text),
        ("Status", "Closed" if it.closed else voice.any_of("Open", "Pending", "Waiting on Customer")),
        ("Priority", voice.any_of("Low", "Medium", "High", "Urgent")),
        ("Source", voice.any_of("Email", "Portal", "Phone", "Chat")),
        ("Type", voice.any_of("", "Question", "Incident", "Problem", "Refund")),
        ("Agent", it.agent or "No Agent"),
        ("Group", voice.any_of("", "Support", "Billing")),
        ("Created time", written(it.opened, when)),
        ("Due by Time", written(it.opened + timedelta(days=3), when)),
        ("Resolved time", written(it.closed, when)),
        ("Closed time", written(it.closed, when)),
        ("Last update time", written(it.updated, when)),
        ("Initial response time", written(it.opened + timedelta(hours=2), when)),
        ("Time tracked", "00:00:00"),
        ("First response time (in hrs)", "02:00:00"),
        ("Resolution time (in hrs)", "" if it.closed is None else "31:15:00"),
        ("Agent interactions", str(voice.random.randint(0, 6))),
        ("Customer interactions", str(voice.random.randint(1, 5))),
        ("Resolution status", "" if it.closed is None else voice.any_of("Within SLA", "SLA Violated")),
        ("First response status", "Within SLA"),
        ("Tags", voice.any_of("", "refund", "vip,urgent")),
        ("Survey results", ""),
        ("Product", voice.any_of("", "Tinsel", "Orla")),
        ("Full name", it.who.name),
        ("Title", ""),
        ("Email", it.who.email),
        ("Work phone", it.who.phone),
        ("Contact ID", it.who.long_id),
    ]


def jira_cloud(voice: Voice, it: Ticket) -> Row:
    """Jira Cloud in English; columns that repeat are there twice."""
    when = "%d/%b/%y %I:%M %p"
    comments = [f"{written(it.updated, when)};{it.who.long_id};{voice.remark(it.who)}" for _ in range(it.nth % 3)]
    above = str(10_001 + it.nth - it.nth % 8) if it.nth % 8 == 5 else ""
    return [
        ("Summary", it.title),
        ("Issue key", f"SUP-{it.nth + 1}"),
        ("Issue id", str(10_001 + it.nth)),
        ("Issue Type", "Sub-task" if above else voice.any_of("Bug", "Task", "Service Request")),
        ("Status", "Done" if it.closed else voice.any_of("To Do", "In Progress")),
        ("Project key", "SUP"),
        ("Project name", "Customer Support"),
        ("Project type", "service_desk"),
        ("Project lead", AGENTS[0]),
        ("Project lead id", "712020:0a"),
        ("Priority", voice.any_of("Highest", "High", "Medium", "Low", "Lowest")),
        ("Resolution", "Done" if it.closed else ""),
        ("Assignee", it.agent),
        ("Assignee Id", "712020:0b" if it.agent else ""),
        ("Reporter", it.who.name),
        ("Reporter Id", f"qm:{it.who.long_id}"),
        ("Creator", it.who.name),
        ("Creator Id", f"qm:{it.who.long_id}"),
        ("Created", written(it.opened, when)),
        ("Updated", written(it.updated, when)),
        ("Last Viewed", ""),
        ("Resolved", written(it.closed, when)),
        ("Due date", ""),
        ("Votes", "0"),
        ("Labels", voice.any_of("", "regression")),
        ("Labels", voice.any_of("", "customer-visible")),
        ("Description", it.text),
        ("Environment", ""),
        ("Watchers", AGENTS[0]),
        ("Watchers Id", "712020:0a"),
        ("Custom field (Story Points)", voice.any_of("", "1.0", "3.0")),
        *(("Comment", text) for text in (*comments, "", "")[:2]),
        ("Status Category", "Done" if it.closed else "To Do"),
        ("Parent", above),
        ("Parent summary", ""),
    ]


def jira_cloud_de(voice: Voice, it: Ticket) -> Row:
    """Jira Cloud in German."""
    when = "%d.%m.%Y %H:%M"
    return [
        ("Zusammenfassung", it.title),
        ("Vorgangsschlüssel", f"KD-{it.nth + 1}"),
        ("Vorgangs-ID", str(20_001 + it.nth)),
        ("Vorgangstyp", voice.any_of("Fehler", "Aufgabe")),
        ("Status", "Fertig" if it.closed else voice.any_of("Zu erledigen", "In Arbeit")),
        ("Projektschlüssel", "KD"),
        ("Projektname", "Kundendienst"),
        ("Priorität", voice.any_of("Highest", "High", "Medium", "Low", "Lowest")),
        ("Lösung", "Fertig" if it.closed else ""),
        ("Zugewiesene Person", it.agent),
        ("ID der zugewiesenen Person", "712020:0b" if it.agent else ""),
        ("Autor", it.who.name),
        ("ID des Autors", f"qm:{it.who.long_id}"),
        ("Ersteller", it.who.name),
        ("Ersteller-ID", f"qm:{it.who.long_id}"),
        ("Erstellt", written(it.opened, when)),
        ("Aktualisiert", written(it.updated, when)),
        ("Zuletzt angezeigt", ""),
        ("Erledigt", written(it.closed, when)),
        ("Fälligkeitsdatum", ""),
        ("Beschreibung", it.text),
        ("Umgebung", ""),
        ("Beobachter", AGENTS[0]),
        ("Statuskategorie", "Fertig" if it.closed else "Zu erledigen"),
        ("Übergeordnet", str(20_001) if it.nth % 8 == 5 else ""),
        ("Parent summary", ""),
    ]


def salesforce(voice: Voice, it: Ticket) -> Row:
    """Salesforce by its API names."""
    when = "%Y-%m-%dT%H:%M:%S.000Z"
    return [
        ("Id", f"500Ab{it.nth:010d}XYZ"),
        ("CaseNumber", f"{1_026 + it.nth:08d}"),
        ("ContactId", f"003Ab{it.nth:010d}XYZ"),
        ("AccountId", f"001Ab{it.nth % 7:010d}XYZ"),
        ("ParentId", ""),
        ("SuppliedName", it.who.name),
        ("SuppliedEmail", it.who.email),
        ("Type", voice.any_of("", "Question", "Problem", "Feature Request")),
        ("Status", "Closed" if it.closed else voice.any_of("New", "Working", "Escalated")),
        ("Reason", voice.any_of("", "Installation", "Performance")),
        ("Origin", voice.any_of("Email", "Phone", "Web")),
        ("Subject", it.title),
        ("Priority", voice.any_of("High", "Medium", "Low")),
        ("Description", it.text),
        ("IsClosed", "true" if it.closed else "false"),
        ("ClosedDate", written(it.closed, when)),
        ("IsEscalated", voice.any_of("true", "false", "false")),
        ("OwnerId", "005Ab0000000001XYZ"),
        ("CreatedDate", written(it.opened, when)),
        ("LastModifiedDate", written(it.updated, when)),
        ("SystemModstamp", written(it.updated, when)),
    ]


def case_comments(voice: Voice, it: Ticket) -> list[Row]:
    """The comments of a Salesforce case, which are another file; up to three, the newest first."""
    when = "%Y-%m-%dT%H:%M:%S.000Z"
    return [
        [
            ("Id", f"00aAb{it.nth * 3 + nth:010d}XYZ"),
            ("ParentId", f"500Ab{it.nth:010d}XYZ"),
            ("IsPublished", voice.any_of("true", "false")),
            ("CommentBody", voice.remark(it.who)),
            ("CreatedById", f"005Ab{nth:010d}XYZ"),
            ("CreatedDate", written(it.opened + timedelta(hours=5 * nth + 1), when)),
            ("SystemModstamp", written(it.opened + timedelta(hours=5 * nth + 1), when)),
            ("IsDeleted", "false"),
        ]
        for nth in reversed(range(it.nth % 4))
    ]


def hubspot(voice: Voice, it: Ticket) -> Row:
    """HubSpot."""
    when = "%Y-%m-%d %H:%M"
    return [
        ("Ticket ID", str(10_000_000_001 + it.nth * 7)),
        ("Ticket name", it.title),
        ("Pipeline", "Support Pipeline"),
        ("Ticket status", "Closed" if it.closed else voice.any_of("New", "Waiting on contact", "Waiting on us")),
        ("Create date", written(it.opened, when)),
        ("Close date", written(it.closed, when)),
        ("Priority", voice.any_of("", "Low", "Medium", "High", "Urgent")),
        ("Ticket owner", it.agent),
        ("Source", voice.any_of("Email", "Chat", "Form", "Phone")),
        ("Ticket description", it.text),
        ("Category", voice.any_of("", "Billing", "Product Issue")),
        ("Last activity date", written(it.updated, when)),
        ("Associated Contact", it.who.name),
        ("Associated Company", voice.any_of("", "Example Org")),
    ]


def intercom(voice: Voice, it: Ticket) -> Row:
    """Intercom, by an export service: a row for each conversation."""
    when = "%Y-%m-%d %H:%M:%S"
    return [
        ("message_id", str(900_100_200 + it.nth)),
        ("message_body", it.text),
        ("message_type", "conversation_message"),
        ("message_created_at", written(it.opened, when)),
        ("message_author_type", voice.any_of("user", "user", "lead")),
        ("message_author_id", f"65b{it.nth:021x}"),
        ("message_author_user_id", it.who.number),
        ("message_author_name", it.who.name),
        ("message_author_email", it.who.email),
        ("message_author_companies", voice.any_of("", "Example Org")),
        ("conversation_tags", voice.any_of("", "refund", "bug,vip")),
        ("conversation_id", str(215_468_000_000 + it.nth * 11)),
        ("conversation_state", "closed" if it.closed else voice.any_of("open", "snoozed")),
        ("conversation_created_at", written(it.opened, when)),
        ("conversation_first_response_at", written(it.opened + timedelta(minutes=7), when)),
        ("conversation_closed_at", written(it.closed, when)),
        ("app_id", "ab12cd34"),
        ("app_name", "Example"),
    ]


def glpi(voice: Voice, it: Ticket) -> Row:
    """GLPI in English."""
    when = "%Y-%m-%d %H:%M"
    return [
        ("ID", str(317 + it.nth)),
        ("Title", it.title),
        ("Entity", "Root entity > Lisbon"),
        ("Status", "Closed" if it.closed else voice.any_of("New", "Processing (assigned)", "Pending")),
        ("Last update", written(it.updated, when)),
        ("Opening date", written(it.opened, when)),
        ("Priority", voice.any_of("Very low", "Low", "Medium", "High", "Very high", "Major")),
        ("Requester - Requester", it.who.name),
        ("Assigned to - Technician", it.agent),
        ("Assigned to - Technician group", voice.any_of("", "Field service")),
        ("Category", voice.any_of("", "Hardware > Printer", "Network")),
        ("Type", voice.any_of("Incident", "Request")),
        ("Description", it.text),
        ("Resolution date", written(it.closed, when)),
        ("Closing date", written(it.closed, when)),
    ]


def glpi_fr(voice: Voice, it: Ticket) -> Row:
    """GLPI in French."""
    when = "%d-%m-%Y %H:%M"
    return [
        ("ID", str(317 + it.nth)),
        ("Titre", it.title),
        ("Entité", "Entité racine > Lyon"),
        ("Statut", "Clos" if it.closed else voice.any_of("Nouveau", "En cours (Attribué)", "En attente")),
        ("Dernière modification", written(it.updated, when)),
        ("Date d'ouverture", written(it.opened, when)),
        ("Priorité", voice.any_of("Très basse", "Basse", "Moyenne", "Haute", "Très haute", "Majeure")),
        ("Demandeur - Demandeur", it.who.name),
        ("Attribué à - Technicien", it.agent),
        ("Attribué à - Groupe de techniciens", voice.any_of("", "Proximité")),
        ("Catégorie", voice.any_of("", "Matériel > Imprimante", "Réseau")),
        ("Type", voice.any_of("Incident", "Demande")),
        ("Description", it.text),
        ("Date de résolution", written(it.closed, when)),
        ("Date de clôture", written(it.closed, when)),
        ("Suivis - Description", voice.any_of("", voice.remark(it.who))),
        ("Solution - Solution", voice.remark(it.who) if it.closed else ""),
    ]


def redmine(voice: Voice, it: Ticket) -> Row:
    """Redmine in English, all columns."""
    when, day = "%m/%d/%Y %I:%M %p", "%m/%d/%Y"
    return [
        ("#", str(901 + it.nth)),
        ("Project", "Customer support"),
        ("Tracker", voice.any_of("Bug", "Feature", "Support")),
        ("Parent task", str(901) if it.nth % 8 == 5 else ""),
        ("Status", "Closed" if it.closed else voice.any_of("New", "In Progress", "Feedback")),
        ("Priority", voice.any_of("Low", "Normal", "High", "Urgent", "Immediate")),
        ("Subject", it.title),
        ("Author", it.who.name),
        ("Assignee", it.agent),
        ("Updated", written(it.updated, when)),
        ("Category", voice.any_of("", "Web")),
        ("Target version", voice.any_of("", "2.1")),
        ("Start date", written(it.opened, day)),
        ("Due date", ""),
        ("Estimated time", voice.any_of("", "2.00")),
        ("Spent time", "0.00"),
        ("% Done", voice.any_of("0", "50", "100")),
        ("Created", written(it.opened, when)),
        ("Closed", written(it.closed, when)),
        ("Related issues", voice.any_of("", "Related to #907")),
        ("Private", voice.any_of("No", "No", "Yes")),
        ("Description", it.text),
    ]


def osticket(voice: Voice, it: Ticket) -> Row:
    """osTicket with the standard columns of a queue."""
    when = "%Y-%m-%d %H:%M:%S"
    return [
        ("Ticket Number", f"{100_417 + it.nth * 13:06d}"),
        ("Date Created", written(it.opened, when)),
        ("Subject", it.title),
        ("From", it.who.name),
        ("From Email", it.who.email),
        ("Priority", voice.any_of("Low", "Normal", "High", "Emergency")),
        ("Department", voice.any_of("Support", "Maintenance")),
        ("Help Topic", voice.any_of("General Inquiry", "Report a Problem", "Feedback")),
        ("Source", voice.any_of("Email", "Web", "Phone")),
        ("Current Status", "Closed" if it.closed else voice.any_of("Open", "Resolved")),
        ("Last Updated", written(it.updated, when)),
        ("SLA Due Date", written(it.opened + timedelta(days=2), when)),
        ("Due Date", ""),
        ("Closed Date", written(it.closed, when)),
        ("Overdue", voice.any_of("No", "Yes")),
        ("Merged", "No"),
        ("Linked", "No"),
        ("Answered", voice.any_of("Yes", "No")),
        ("Agent Assigned", it.agent),
        ("Team Assigned", voice.any_of("", "Level II Support")),
        ("Thread Count", str(voice.random.randint(1, 9))),
        ("Reopen Count", "0"),
        ("Attachment Count", str(voice.random.randint(0, 2))),
        ("Task Count", "0"),
    ]


def zammad(voice: Voice, it: Ticket) -> Row:
    """Zammad, as its report has it."""
    when = "%Y-%m-%d %H:%M:%S"
    return [
        ("#", str(10_024 + it.nth)),
        ("Title", it.title),
        ("State", "closed" if it.closed else voice.any_of("new", "open", "pending reminder")),
        ("Priority", voice.any_of("1 low", "2 normal", "3 high")),
        ("Group", voice.any_of("Users", "Second level")),
        ("Owner", it.agent or "-"),
        ("Customer", it.who.name),
        ("Organization", voice.any_of("", "Example Org")),
        ("Create Channel", voice.any_of("email", "web", "phone")),
        ("Sender", "Customer"),
        ("Tags", voice.any_of("", "refund", "vip,urgent")),
        ("Time Units Total", voice.any_of("", "5.0")),
        ("Created At", written(it.opened, when)),
        ("Updated At", written(it.updated, when)),
        ("Closed At", written(it.closed, when)),
        ("Close Escalation At", ""),
        ("Close In Min", "" if it.closed is None else str(voice.random.randint(9, 9_000))),
        ("First Response At", written(it.opened + timedelta(hours=1), when)),
        ("First Response Escalation At", ""),
        ("Last Contact At", written(it.updated, when)),
        ("Last Contact Agent At", written(it.updated, when)),
        ("Article Count", str(voice.random.randint(1, 9))),
    ]

"""The contract of the Talkdesk Case API: what may be sent, what comes back, and how to reach it."""

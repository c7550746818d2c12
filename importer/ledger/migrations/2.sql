-- Version 2: a ledger that is made again from an account (`rebuild`) knows of no row whether it is a case already.

INSERT INTO transition (of, before, after) VALUES
    ('record', 'pending', 'unknown'), ('record', 'waiting', 'unknown'),
    ('case update', 'pending', 'unknown');

-- What a database of the first release may hold: campaigns, contacts in each stage, drops in flight and ended, decisions,
-- lists and an import. Ids are given by the database, in this order.
INSERT INTO campaigns (name, spec, standing, why, in_flight, created_at, changed_at, version) VALUES
    ('spring', '{}', 'running', NULL, 'finish', 1764000000000000, 1764000000000000, 1),
    ('autumn', '{}', 'complete', NULL, 'finish', 1763000000000000, 1763000000000000, 2);
UPDATE counters SET value = 2 WHERE name = 'campaign';
INSERT INTO controllers (run, pbx, began_at, lease_ends, ended_at) VALUES
    ('gone', 'pbx', 1764000000000000, 1764000030000000, NULL);
INSERT INTO imports (campaign, name, size, digest, bytes, lines, last_bytes, last_lines, rows, rejected, is_complete, began_at, changed_at) VALUES
    (1, 'a.csv', 500, 'd1', 500, 9, 0, 0, 7, 1, 1, 1764000000000000, 1764000000000000),
    (2, 'b.csv', 50, 'd2', 50, 2, 0, 0, 1, 0, 1, 1763000000000000, 1763000000000000);
INSERT INTO contacts (campaign, import, line, number, name, zone, state, consent, consent_at, consent_source, message, foreign_id, others, stage, due_at, was_due, holder, attempts, held, held_zone, outcome, refused, ended_at) VALUES
    (1, 1, 2, 12025550001, 'Ann', 'America/New_York', 'NY', 'written', 1760000000000000, 'web', NULL, 'A-1', '{"city":"Albany"}', 'due', 1764000000000000, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL),
    (1, 1, 3, 12025550002, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'leased', 1764000090000000, 1764000000000000, 'gone', 0, NULL, NULL, NULL, NULL, NULL),
    (1, 1, 4, 12025550003, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'dialling', NULL, 1764000000000000, 'gone', 1, NULL, NULL, NULL, NULL, NULL),
    (1, 1, 5, 12025550004, NULL, NULL, NULL, 'verbal', NULL, NULL, 'promo', 'A-4', NULL, 'ended', NULL, NULL, NULL, 1, NULL, NULL, 'delivered', NULL, 1764000100000000),
    (1, 1, 6, 12025550005, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'refused', NULL, NULL, NULL, 0, NULL, NULL, NULL, 'do_not_call', 1764000100000000),
    (1, 1, 7, 12025550006, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'due', 4000000000000000, NULL, NULL, 0, 'calling_hours', 'America/New_York', NULL, NULL, NULL),
    (1, 1, 8, 12025550007, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'due', 4000000000000000, NULL, NULL, 1, NULL, NULL, NULL, NULL, NULL),
    (2, 2, 2, 12025550001, 'Ann', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'ended', NULL, NULL, NULL, 1, NULL, NULL, 'busy', NULL, 1763000100000000);
INSERT INTO drops (id, campaign, contact, attempt, number, pbx, run, holder, technique, message, variant, caller_id, ruling, despite_do_not_call, started_at, ended_at, outcome, proof, is_final, busy_legs, drop_legs, released, given_up, answered, short, people, busy_up_ms, drop_up_ms, report, evidence) VALUES
    ('00000000000000000000000000000001', 1, 3, 1, 12025550003, 'pbx', 'gone', 'gone', 'double', 'promo', NULL, '+12025550100', '{"decision":"allowed"}', 0, 1764000050000000, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL),
    ('00000000000000000000000000000002', 1, 4, 1, 12025550004, 'pbx', 'gone', 'gone', 'double', 'promo', 'A', '+12025550100', '{"decision":"allowed"}', 0, 1764000050000000, 1764000100000000, 'delivered', 'proven', 1, 1, 1, 1, 0, 1, 0, 0, 0, 20000, '{"outcome":"delivered"}', '/var/lib/aftertone/evidence/x'),
    ('00000000000000000000000000000003', 1, 7, 1, 12025550007, 'pbx', 'gone', 'gone', 'single', 'promo', 'B', NULL, '{"decision":"allowed"}', 0, 1764000050000000, 1764000080000000, 'no_answer', 'unproven', 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, '{"outcome":"no_answer"}', NULL),
    ('00000000000000000000000000000004', 2, 8, 1, 12025550001, 'pbx', 'gone', 'gone', 'double', 'promo', NULL, NULL, '{"decision":"allowed"}', 0, 1763000050000000, 1763000100000000, 'busy', 'unproven', 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, '{"outcome":"busy"}', NULL),
    ('00000000000000000000000000000005', NULL, NULL, 1, 12025550001, 'pbx', 'single', 'single', 'single', 'promo', NULL, NULL, '{"decision":"allowed"}', 1, 1763500050000000, 1763500100000000, 'human', 'unproven', NULL, 0, 1, 0, 0, 1, 0, 1, 0, 4000, '{"outcome":"human"}', NULL);
INSERT INTO decisions (campaign, contact, at, decision, reason, until, zone, ruling) VALUES
    (1, 5, 1764000100000000, 'refused', 'do_not_call', NULL, NULL, '{"decision":"refused"}'),
    (1, 6, 1764000100000000, 'held', 'calling_hours', 1764010000000000, 'America/New_York', '{"decision":"held","nth":1}'),
    (1, 6, 1764010100000000, 'held', 'calling_hours', 4000000000000000, 'America/New_York', '{"decision":"held","nth":2}');
INSERT INTO numbers (number, version) VALUES
    (12025550001, 2), (12025550003, 1), (12025550004, 1), (12025550007, 1);
INSERT INTO lists (name, created_at) VALUES ('own', 1760000000000000), ('federal', 1760000000000000);
INSERT INTO do_not_call (number, list, at, because) VALUES
    (12025550005, 1, 1764000090000000, 'asked'), (12025550009, 2, 1760000000000000, NULL);

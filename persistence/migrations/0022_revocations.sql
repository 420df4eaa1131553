-- Every node asks each second whose access tokens were revoked since it looked last, and at its
-- start for all that may still be alive.
CREATE INDEX users_revoked ON users (revoked_before, id) WHERE revoked_before IS NOT NULL;

#pragma once

#include <vector>

#include "persistence/audit/audit.hpp"

/// The rules by part. A statement reads `{outbox}` for the rows of all days of the outbox and
/// `{kept}` for the first moment of which the outbox still has everything.
namespace tk::audit_rules {

std::vector<audit_rule> references();
std::vector<audit_rule> seats();
std::vector<audit_rule> orders();
std::vector<audit_rule> history();
std::vector<audit_rule> money();
/// Part of `money`: listings and memberships.
std::vector<audit_rule> subjects();
std::vector<audit_rule> tickets();
std::vector<audit_rule> events();
std::vector<audit_rule> shards();
std::vector<audit_rule> queue();
std::vector<audit_rule> overdue();

} // namespace tk::audit_rules

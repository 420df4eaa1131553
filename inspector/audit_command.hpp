#pragma once

#include <string>
#include <vector>

#include "inspector/report.hpp"

namespace tk::inspector {

struct audit_options {
  std::string database; ///< As libpq takes it: a conninfo or a URL.
  std::vector<audit_part> parts;
  audit_limits limits;
  int follow_s = 0; ///< Between two looks; 0 = one look.
  bool json = false, list = false;
};

/// The same database as the role of the auditor: what is said last counts, so the address of a node
/// is good for it, too. @param database a conninfo or a URL.
std::string as_auditor(const std::string& database);

/// Looks once, or until SIGINT or SIGTERM, which the caller has blocked; the answer is that of the
/// last look that came to an end.
int audit_database(const audit_options& options, const text_style& style);

} // namespace tk::inspector

#pragma once

#include <string>
#include <vector>

#include "persistence/audit/audit.hpp"

/// What `tiketi-inspect audit` says: text for people, one JSON object a line for machines.
namespace tk::inspector {

/// How text looks.
struct text_style {
  bool colour = false; ///< A terminal: colours, and columns that line up.
};

/// Everything that was found, the last line says how much was asked and of when.
std::string as_text(const audit_report& x, const text_style& style);

/// The line that says how much was asked and of when: "58 rules hold as of ... UTC, 0.4 s ago".
std::string summary_of(const audit_report& x, const text_style& style);

/// Only what is not as it was in `before`: findings that are new or other, rules that hold again.
/// Empty when nothing changed.
std::string changes_of(const std::vector<audit_finding>& before,
                       const std::vector<audit_finding>& now, const text_style& style);

/// One line, without its end.
std::string as_json(const audit_report& x);

/// The same for a look that there was not.
std::string failure_as_json(const std::string& why);

/// Every rule of the parts: part, name, what it is about.
std::string rule_list(const std::vector<audit_part>& parts, const text_style& style);
std::string rule_list_as_json(const std::vector<audit_part>& parts);

} // namespace tk::inspector

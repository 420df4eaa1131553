#pragma once

#include <string>

#include "inspector/report.hpp"
#include "persistence/money/balance.hpp"

/// What `tiketi-inspect money` says. Pure.
namespace tk::inspector {

std::string money_text(const money_balance& x, const text_style& style);
/// One line, without its end.
std::string money_json(const money_balance& x);

} // namespace tk::inspector

#pragma once

#include <string>

#include "gateways/payment/mock_core.hpp"
#include "persistence/ledger/model_driver.hpp"

namespace tk::sim {

/// What is wrong with the money when everything has come to rest, or empty: the provider's books
/// and ours are compared attempt by attempt, so that what is too much here and too little there is
/// seen (I11). Captures are what was sold, what went back and the fees that were kept.
std::string compare_money(const ledger_model& model, const mock_books& provider);

} // namespace tk::sim

#pragma once

#include <string>
#include <string_view>

#include "gateways/payment/port.hpp"
#include "persistence/calls/port.hpp"

/// What is kept of a call to a provider (G19). Pure.
namespace tk {

/// Words of a provider without what may be a card, an account, a telephone or a mail, short enough
/// for a row. A run of six digits or more, whatever stands between them, is such.
std::string masked(std::string_view text);

payment_call record_of(const approve_payment& x, const payment_approval& y);
payment_call record_of(const query_payment& x, const payment_report& y);
payment_call record_of(const void_payment& x, const payment_report& y);
payment_call record_of(const refund_payment& x, const payment_refund& y);

} // namespace tk

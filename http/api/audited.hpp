#pragma once

#include <string>

#include <caf/fwd.hpp>

#include "http/answer.hpp"
#include "http/exchange.hpp"

namespace tk::http {

struct shop;

/// What an organiser tried to do with the event in the path.
struct audited_action {
  std::string action; ///< In the audit log; empty: it changes nothing and is not noted.
  std::string summary;
};

/// Puts the attempt on record, refused ones too (contract 6.7), then gives `out`. Without a record
/// there is no answer that it worked.
void answer_audited(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                    const audited_action& how, answer out);

} // namespace tk::http

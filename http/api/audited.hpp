#pragma once

#include <string>

#include <caf/fwd.hpp>

#include "http/answer.hpp"
#include "http/exchange.hpp"
#include "persistence/store/port.hpp"

namespace tk::http {

struct shop;

/// What an organiser tried to do with the event in the path.
struct audited_action {
  std::string action; ///< In the audit log; empty: it changes nothing and is not noted.
  std::string summary;
};

/// Puts an attempt and the status of its answer on record, then gives the answer. Without a record
/// there is no answer that it worked.
void note_and_answer(const store_actor& store, caf::event_based_actor* self, const exchange_ptr& x,
                     note_admin_action what, answer out);

/// Puts the attempt on record, refused ones too (contract 6.7), then gives `out`.
void answer_audited(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                    const audited_action& how, answer out);

} // namespace tk::http

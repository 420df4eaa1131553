#pragma once

#include <string>

#include "actors/base/placement.hpp"
#include "actors/checkout/messages.hpp"
#include "actors/session/messages.hpp"
#include "actors/waiting_room/messages.hpp"
#include "persistence/ledger/model_driver.hpp"

namespace tk::sim {

/// A client's request, for the report: what is asked, of whom by, and in which state that is which
/// it is about. No operation = not of interest.
struct asked_thing {
  const char* operation = nullptr;
  const char* state = "any";
  std::string by;   ///< "user 7".
  std::string what; ///< "seat 3 of block 1".
};

asked_thing look_at(const ledger_model& model, const entity_key& key, const reserve_items& x);
asked_thing look_at(const ledger_model& model, const entity_key& key, const cancel_reservation& x);
asked_thing look_at(const ledger_model& model, const entity_key& key, const prepare_payment& x);
asked_thing look_at(const ledger_model& model, const entity_key& key, const confirm_payment& x);
template <class Message>
asked_thing look_at(const ledger_model& model, const entity_key& key, const once<Message>& x) {
  return look_at(model, key, x.what);
}
asked_thing look_at(const ledger_model& model, const entity_key& key, const cancel_payment& x);
asked_thing look_at(const ledger_model& model, const entity_key& key, const revoke_all& x);
asked_thing look_at(const ledger_model& model, const entity_key& key, const check_queue& x);
asked_thing look_at(const ledger_model& model, const entity_key& key, const leave_queue& x);
/// What else is asked is not a client's request.
template <class T> asked_thing look_at(const ledger_model&, const entity_key&, const T&) {
  return {};
}

/// The ledger's ops of a batch, and what became of one, in words.
std::string in_words(const op& x);
std::string in_words(const batch& x);
std::string in_words(batch_status x);

} // namespace tk::sim

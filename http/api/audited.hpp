#pragma once

#include <cstdint>
#include <string>

#include <caf/fwd.hpp>

#include "http/answer.hpp"
#include "http/exchange.hpp"
#include "persistence/store/port.hpp"

namespace tk::http {

struct shop;

/// For whom routes are that organisers and operators have alike.
enum class audience : uint8_t { admins = 1, operators };

/// Who did it, for the record. Operators have names; of an administrator the id is kept, because a
/// mail is personal.
std::string author_of(audience who, const exchange& x);

/// The operation of an attempt, for the record: one that could not be read has no id.
std::string operation_of(const request_id& x);

/// What an organiser tried to do with the event in the path.
struct audited_action {
  std::string action; ///< In the audit log; empty: it changes nothing and is not noted.
  std::string summary;
};

/// Puts an attempt and the status of its answer on record, then gives the answer. Without a record
/// there is no answer that it worked.
void note_and_answer(const store_actor& store, caf::event_based_actor* self, const exchange_ptr& x,
                     note_admin_action what, answer out);

/// Answers that PostgreSQL did not do it. Operators are told what is away, others have no use for
/// it.
void fail_without_rows(const exchange_ptr& x, ec why);

/// Puts the attempt on record, refused ones too (contract 6.7), then gives `out`.
void answer_audited(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                    const audited_action& how, answer out);

} // namespace tk::http

#pragma once

#include "persistence/ledger/batch_table.hpp"
#include "persistence/ledger/payment_ops.hpp"

namespace tk {

/// The arrays of the statements about money and tickets; one `add` per kind of op.
struct payment_columns {
  batch_arrays::table<8> open;
  batch_arrays::table<12> begin;
  batch_arrays::table<20> complete; ///< The last four: a row per ticket instead of per item.
  batch_arrays::table<10> fail;
  batch_arrays::table<6> asked;
  batch_arrays::table<7> claim;
  batch_arrays::table<17> cancel;
  batch_arrays::table<8> settle;
  batch_arrays::table<5> admit;
  // Of listings and memberships.
  batch_arrays::table<9> open_subject;
  batch_arrays::table<11> begin_subject;
  batch_arrays::table<8> fail_subject;
  batch_arrays::table<9> join;
  batch_arrays::table<13> transfer; ///< The last three: a row per ticket.

  payment_columns();
  void clear();

  void add(int no, const open_payment& x, lock_columns& locks);
  void add(int no, const begin_attempt& x, lock_columns& locks);
  void add(int no, const complete_payment& x, lock_columns& locks);
  void add(int no, const fail_attempt& x, lock_columns& locks);
  void add(int no, const note_asked& x, lock_columns& locks);
  void add(int no, const claim_refund& x, lock_columns& locks);
  void add(int no, const cancel_paid& x, lock_columns& locks);
  void add(int no, const settle_refund& x, lock_columns& locks);
  void add(int no, const admit_ticket& x, lock_columns& locks);

private:
  void add_subject(int no, const complete_payment& x, lock_columns& locks);
};

} // namespace tk

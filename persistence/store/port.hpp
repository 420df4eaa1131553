#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "persistence/store/messages.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::user_row)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::insert_user)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::inserted_user)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::find_user_by_mail)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::find_user_by_id)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::renew_password_hash)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::renewed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::sign_in_google)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::google_account)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::update_profile)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::list_sessions)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::session_list)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::list_revocations)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::revocation_page)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::clear_accounts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::accounts_cleared)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::note_admin_action)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::admin_action_noted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::read_draw_list)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::draw_list)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::measure_outbox)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::outbox_backlog)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::list_events)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::event_page)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::read_event)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::found_event)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::find_ticket_type)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::found_ticket_type)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::set_cancellation_policy)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::policy_set)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::cancel_event)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::read_event_cancellation)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::event_cancellation_view)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::find_recalls)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::recalls)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::list_layouts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::layouts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::list_artists)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::artist_page)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::read_artist)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::found_artist)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::list_reservations)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::reservation_list)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::read_reservation)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::found_reservation_view)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::list_tickets)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::ticket_page)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::find_ticket)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::found_ticket)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::find_payment)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::found_payment)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::list_payments)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::payment_page)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::find_key)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::found_key)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::ping_store)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::store_alive)

namespace tk {

/// STORE: ordinary reads and writes of what no entity owns. An *error* of a read means nothing was
/// read; of a write, that the outcome is unknown.
using store_actor = caf::typed_actor<
  /// Creates an account, or says that the mail is taken.
  caf::replies_to<insert_user>::with<inserted_user>,
  caf::replies_to<find_user_by_mail>::with<user_row>,
  caf::replies_to<find_user_by_id>::with<user_row>,
  caf::replies_to<renew_password_hash>::with<renewed>,
  /// The account of a person Google vouches for: found, linked or made.
  caf::replies_to<sign_in_google>::with<google_account>,
  /// The user as it is afterwards; not found when the account is gone or closed.
  caf::replies_to<update_profile>::with<user_row>,
  caf::replies_to<list_sessions>::with<session_list>,
  caf::replies_to<list_revocations>::with<revocation_page>,
  caf::replies_to<clear_accounts>::with<accounts_cleared>,
  caf::replies_to<note_admin_action>::with<admin_action_noted>,
  caf::replies_to<measure_outbox>::with<outbox_backlog>,
  /// Who took part in a draw.
  caf::replies_to<read_draw_list>::with<draw_list>,
  /// A page of the catalogue.
  caf::replies_to<list_events>::with<event_page>, caf::replies_to<read_event>::with<found_event>,
  caf::replies_to<find_ticket_type>::with<found_ticket_type>,
  caf::replies_to<set_cancellation_policy>::with<policy_set>,
  /// Cancels an event, or tells how far that has come.
  caf::replies_to<cancel_event>::with<event_cancellation_view>,
  caf::replies_to<read_event_cancellation>::with<event_cancellation_view>,
  /// What is left to do of cancelled events.
  caf::replies_to<find_recalls>::with<recalls>, caf::replies_to<list_layouts>::with<layouts>,
  caf::replies_to<list_artists>::with<artist_page>,
  /// An artist with the artist's events.
  caf::replies_to<read_artist>::with<found_artist>,
  caf::replies_to<list_reservations>::with<reservation_list>,
  caf::replies_to<read_reservation>::with<found_reservation_view>,
  caf::replies_to<list_tickets>::with<ticket_page>,
  caf::replies_to<find_ticket>::with<found_ticket>,
  caf::replies_to<find_payment>::with<found_payment>,
  caf::replies_to<list_payments>::with<payment_page>, caf::replies_to<find_key>::with<found_key>,
  caf::replies_to<ping_store>::with<store_alive>>;

} // namespace tk

#pragma once

#include <string>
#include <vector>

#include "http/api/audited.hpp"
#include "http/api/ingress.hpp"
#include "http/api/notice_board.hpp"
#include "http/route.hpp"
#include "persistence/notices/port.hpp"
#include "persistence/store/port.hpp"

/// What buyers are told on every page (G08), and the routes of those who tell it.
namespace tk::http {

/// What the routes work with; lives as long as their server.
struct notice_desk {
  notices_actor rows;
  store_actor store; ///< For the audit log.
  notice_board& board;
  ingress_pool& pool;
  const wall_clock& clock;
};

/// `GET /api/notices`: those that are shown now, from memory.
void add_public_notice_routes(notice_desk& desk, std::vector<route>& out);

/// `POST prefix`, `PUT` and `DELETE prefix/{id}`, and for administrators `GET prefix`, those to
/// come included: the same for organisers and for operators. Every attempt is on record, refused
/// ones too, before its answer is given; to repeat one does no harm.
void add_notice_routes(notice_desk& desk, const std::string& prefix, audience who,
                       std::vector<route>& out);

} // namespace tk::http

#pragma once

#include <string>

#include "inspector/node_verbs.hpp"
#include "inspector/report.hpp"

namespace tk::inspector {

struct look_options {
  node_options nodes;
  std::string argument;
  int watch_s = 0; ///< Look again after so many seconds; 0: once.
  bool json = false;
};

/// Asks nodes and prints what they tell, once or until a signal; returns the exit code: 0 all was
/// told, 1 something is missing or there is no such thing, 2 nothing could be asked.
int look_at(const node_verb& verb, look_options options, const text_style& style);

struct brake_options {
  node_options nodes;
  std::string scope; ///< all, event, queue, holds, payments.
  std::string event, method, reason;
  std::string operation; ///< A uuid; empty: a fresh one.
  bool json = false;
};

/// Stops sales (with a reason) or lets them go on, on the first node that answers; every other node
/// reads it from the rows. Tells the id of the operation, under which a repetition does no harm.
int steer_sales(brake_options options, bool stop, const text_style& style);

/// What is wrong with it before anybody is asked; empty when nothing is. Nobody's slip makes it
/// about something else. Pure.
std::string brake_mistake(const brake_options& x);

/// The body of such a request, as the contract has it (2.16, G17). Pure.
std::string brake_request(const brake_options& x, bool stop, const std::string& seen = {});

/// A random uuid, of version 4.
std::string fresh_uuid();

/// Whether a token can be of somebody of that name: as the nodes read OPERATOR_TOKENS. Pure.
bool good_token_name(const std::string& name);

/// Makes a token, and the line of OPERATOR_TOKENS for it.
int make_token(const std::string& name, const std::string& role);

} // namespace tk::inspector

#pragma once

#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "inspector/node_client.hpp"

/// What can be asked of nodes, and what their answers come to together. Pure.
namespace tk::inspector {

/// Which nodes are asked.
enum class asked_nodes : uint8_t {
  first = 1, ///< The first one that answers: what it tells is the same everywhere.
  all        ///< Each knows something of its own.
};

/// A look at something through the operators' listeners.
struct node_verb {
  const char* name;     ///< Words of the command line: "why seat".
  const char* path;     ///< `{}` stands for the argument.
  const char* argument; ///< Its name in the help; empty: there is none.
  const char* help;
  const char* examples;
  asked_nodes who = asked_nodes::first;
};

std::span<const node_verb> node_verbs();

/// The path for an argument.
std::string path_of(const node_verb& verb, const std::string& argument);

/// The event that has, or would have, what a key of `where` names; empty when it names no part of
/// an event.
std::string event_of_key(const std::string& key);

/// What `where` says of a key whose event, or whose block of it, is not on record: every key names
/// a place, whether or not something lives there. Empty when it is on record, or nobody knows.
/// `event` is what was answered about `event_of_key(key)`.
std::string not_on_record(const std::string& key, const node_answer& event);

/// What came of asking.
struct looked {
  nlohmann::ordered_json told; ///< `{"parts", "missing", "notes"}`; parts and gaps name their node.
  std::vector<std::string> refusals; ///< What nodes said instead of an answer.
  int code = 0;                      ///< 0 all told, 1 something is missing, 2 nothing was told.
};

/// Puts answers together: every node's own figures, rows once.
looked merged(const std::vector<node_answer>& answers);

/// Whether nobody else has to be asked what is the same everywhere: all was told, or there is no
/// such thing, or it may not be asked.
bool settles(const node_answer& x);

/// The answers of nodes that were asked one after the other until one settled it. What that one
/// told is all; those before it are told of as notes. Without such a one everything that was told
/// counts.
looked settled(const std::vector<node_answer>& answers);

/// Why a node did not do or tell what it was asked: its own words, with its URL.
std::string trouble_of(const node_answer& x);

} // namespace tk::inspector

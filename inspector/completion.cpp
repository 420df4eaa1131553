#include "inspector/completion.hpp"

#include <algorithm>
#include <vector>

#include <CLI/CLI.hpp>

namespace tk::inspector {

namespace {

constexpr const char* program = "tiketi-inspect";

struct word {
  std::string text, meaning;
};

/// A command by its words (" why seat"; "" is the program itself) and what may follow it.
struct place {
  std::string path;
  std::vector<word> commands, options;
};

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

void collect(const CLI::App& app, const std::string& path, std::vector<place>& out) {
  place here{path, {}, {}};
  auto any = [](const CLI::App*) { return true; };
  auto below = app.get_subcommands(any);
  for (auto* x : below) here.commands.push_back({x->get_name(), first_line(x->get_description())});
  for (auto* x : app.get_options())
    for (auto& name : x->get_lnames())
      here.options.push_back({"--" + name, first_line(x->get_description())});
  out.push_back(std::move(here));
  for (auto* x : below) collect(*x, path + " " + x->get_name(), out);
}

std::string replaced(std::string text, char what, const std::string& by) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, 1, by);
  return text;
}

std::string quoted(const std::string& text) { return "'" + replaced(text, '\'', R"('\'')") + "'"; }

std::string words_of(const place& x) {
  std::string out;
  for (auto* list : {&x.commands, &x.options})
    for (auto& y : *list) out += (out.empty() ? "" : " ") + y.text;
  return out;
}

/// The part that bash and zsh share: `at` becomes the command that has been typed so far.
std::string walk(const std::vector<place>& places) {
  std::string out = "    case \"$at $word\" in\n";
  for (auto& x : places)
    if (!x.path.empty()) out += "      " + quoted(x.path) + ") at=" + quoted(x.path) + " ;;\n";
  return out + "    esac\n";
}

std::string bash_script(const std::vector<place>& places) {
  std::string out = "_tiketi_inspect() {\n  local at='' word words=''\n"
                    "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n";
  out += walk(places) + "  done\n  case \"$at\" in\n";
  for (auto& x : places)
    out += "    " + quoted(x.path) + ") words=" + quoted(words_of(x)) + " ;;\n";
  out += "  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n";
  return out + "complete -o default -F _tiketi_inspect " + program + "\n";
}

std::string zsh_script(const std::vector<place>& places) {
  std::string out = std::string{"#compdef "} + program +
                    "\n_tiketi_inspect() {\n  local at='' word\n  local -a known\n"
                    "  for word in ${words[2,CURRENT-1]}; do\n";
  out += walk(places) + "  done\n  case \"$at\" in\n";
  for (auto& x : places) {
    out += "    " + quoted(x.path) + ") known=(";
    for (auto* list : {&x.commands, &x.options})
      for (auto& y : *list) out += quoted(y.text + ":" + replaced(y.meaning, ':', "\\:")) + " ";
    out += ") ;;\n";
  }
  out += "  esac\n  _describe 'word' known || _files\n}\n";
  return out + "compdef _tiketi_inspect " + program + "\n";
}

/// fish asks with a condition whether a line of it counts.
std::string fish_script(const std::vector<place>& places) {
  std::string out = "function __tiketi_inspect_at\n  set -l at ''\n"
                    "  for word in (commandline -opc)[2..-1]\n    switch \"$at $word\"\n";
  for (auto& x : places)
    if (!x.path.empty())
      out += "      case " + quoted(x.path) + "\n        set at " + quoted(x.path) + "\n";
  out += "    end\n  end\n  test \"$at\" = \"$argv[1]\"\nend\n";
  for (auto& x : places) {
    auto when = std::string{"complete -c "} + program + " -n " +
                quoted("__tiketi_inspect_at " + quoted(x.path));
    for (auto& y : x.commands) out += when + " -f -a " + y.text + " -d " + quoted(y.meaning) + "\n";
    for (auto& y : x.options)
      out += when + " -l " + y.text.substr(2) + " -d " + quoted(y.meaning) + "\n";
  }
  return out;
}

} // namespace

std::string completion_script(const CLI::App& app, const std::string& shell) {
  std::vector<place> places;
  collect(app, "", places);
  if (shell == "zsh") return zsh_script(places);
  return shell == "fish" ? fish_script(places) : bash_script(places);
}

} // namespace tk::inspector

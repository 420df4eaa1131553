#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

#include "tests/simulation/rehearsal.hpp"
#include "tests/simulation/wording.hpp"

namespace tk::sim {

namespace {

constexpr double width = 1000, height = 720, left = 70, right = 976;

/// Readable on both backgrounds, and told apart without seeing red or green.
constexpr char style[] = R"(<style>
  svg { --ground:#ffffff; --ink:#1d2630; --soft:#5b6774; --grid:#e2e6eb; --sold:#2b6cb0;
        --held:#e8a317; --free:#d3dae2; --taken:#8793a1; --failed:#c0392b; --mark:#c0392b; }
  @media (prefers-color-scheme: dark) {
    svg { --ground:#12161b; --ink:#e7ebf0; --soft:#9aa6b3; --grid:#2a323b; --sold:#5ea4ec;
          --held:#f2b844; --free:#3a444f; --taken:#76828f; --failed:#ff7566; --mark:#ff7566; }
  }
  text { font: 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: var(--ink); }
  .title { font-size: 20px; font-weight: 600; }
  .soft { fill: var(--soft); font-size: 12px; }
  .mark { fill: var(--mark); font-size: 12px; }
  .end { text-anchor: end; } .mid { text-anchor: middle; }
</style>
)";

std::string num(double x) {
  char out[32];
  std::snprintf(out, sizeof out, "%.1f", x);
  return out;
}

std::string escaped(const std::string& x) {
  std::string out;
  for (auto c : x) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else out += c;
  }
  return out;
}

std::string text(double x, double y, const std::string& what, const char* kind = "") {
  return "<text x=\"" + num(x) + "\" y=\"" + num(y) + "\" class=\"" + kind + "\">" + escaped(what) +
         "</text>\n";
}

std::string rect(double x, double y, double w, double h, const std::string& fill) {
  return "<rect x=\"" + num(x) + "\" y=\"" + num(y) + "\" width=\"" + num(w) + "\" height=\"" +
         num(h) + "\" " + fill + "/>\n";
}

std::string rule(double x1, double y1, double x2, double y2, const std::string& how) {
  return "<line x1=\"" + num(x1) + "\" y1=\"" + num(y1) + "\" x2=\"" + num(x2) + "\" y2=\"" +
         num(y2) + "\" " + how + "/>\n";
}

/// 1, 2 or 5 times a power of ten: at most `most` steps up to `x`.
double step_for(double x, int most) {
  double step = 1;
  while (x / step > most) {
    auto digit = step / std::pow(10.0, std::floor(std::log10(step) + 1e-9));
    step *= digit > 1.5 && digit < 2.5 ? 2.5 : 2;
  }
  return step;
}

/// A part of the picture with an axis of its own; all share the time.
struct panel {
  double top = 0, bottom = 0, most = 1;
  [[nodiscard]] double y(double v) const { return bottom - (bottom - top) * v / most; }
};

class picture {
public:
  explicit picture(const rehearsal& x) : x_(x) {
    end_ = std::max(1000.0, static_cast<double>(last_change().count()));
  }

  std::string draw() {
    double people = 1, refusals = 1;
    for (auto& s : x_.line) {
      people = std::max(people, static_cast<double>(s.present));
      refusals = std::max(refusals, static_cast<double>(s.taken + s.failed));
    }
    panel tickets{150, 430, static_cast<double>(std::max<int64_t>(x_.capacity, 1))};
    panel crowd{462, 552, people}, no{584, 674, refusals};
    std::string out = head();
    out += faults(tickets.top, no.bottom);
    out += axes(tickets, "tickets", 5) + ticket_areas(tickets);
    out += axes(crowd, "people", 3) + crowd_line(crowd);
    out += axes(no, "refusals a second", 3) + refusal_bars(no);
    out += time_axis(no.bottom) + moments(tickets) + legend() + fault_names();
    return out + "</svg>\n";
  }

private:
  /// The picture ends a little after anything has changed.
  [[nodiscard]] millis last_change() const {
    millis out{0};
    for (size_t i = 1; i < x_.line.size(); ++i) {
      auto &a = x_.line[i - 1], &b = x_.line[i];
      if (a.tickets.sold != b.tickets.sold || a.tickets.held != b.tickets.held || b.present > 0 ||
          b.taken + b.failed > 0)
        out = b.at;
    }
    return out + out / 50 + millis{2'000};
  }
  [[nodiscard]] double x_of(double ms) const {
    return left + (right - left) * std::clamp(ms / end_, 0.0, 1.0);
  }
  [[nodiscard]] double x_of(millis t) const { return x_of(static_cast<double>(t.count())); }
  [[nodiscard]] bool shown(const sample& s) const {
    return static_cast<double>(s.at.count()) <= end_;
  }

  [[nodiscard]] std::string head() const {
    std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + num(width) +
                      " " + num(height) + "\" role=\"img\" aria-label=\"" +
                      escaped(x_.what.name + ": " + headline(x_)) + "\">\n" + style;
    out += rect(0, 0, width, height, "fill=\"var(--ground)\"");
    out += text(left, 36, x_.what.name, "title");
    out += text(left, 60, headline(x_));
    auto bought = x_.endings.contains(ending::bought) ? x_.endings.at(ending::bought) : 0;
    out += text(left, 80,
                grouped(x_.visitors) + " visitors, " + grouped(bought) + " bought; " +
                  std::to_string(x_.what.nodes) + " nodes, seed " + std::to_string(x_.what.seed) +
                  "; virtual time",
                "soft");
    return out;
  }

  static std::string axes(const panel& p, const char* unit, int steps) {
    std::string out;
    auto step = step_for(p.most, steps);
    for (double v = 0; v <= p.most; v += step) {
      out += rule(left, p.y(v), right, p.y(v), "stroke=\"var(--grid)\"");
      out += text(left - 8, p.y(v) + 4, grouped(static_cast<int64_t>(v)), "soft end");
    }
    return out + text(left, p.top - 8, unit, "soft");
  }

  using value = std::function<double(const sample&)>;
  /// Between two lines over time, as steps: the picture invents nothing between two looks.
  [[nodiscard]] std::string area(const panel& p, const value& low, const value& high,
                                 const char* colour) const {
    std::string up, down;
    double last_high = 0, last_low = 0;
    bool first = true;
    for (auto& s : x_.line) {
      if (!shown(s)) break;
      auto x = num(x_of(s.at));
      if (!first) {
        up += " L" + x + "," + num(last_high);
        down = " L" + x + "," + num(last_low) + down;
      }
      last_high = p.y(high(s));
      last_low = p.y(low(s));
      up += (first ? "M" : " L") + x + "," + num(last_high);
      down = " L" + x + "," + num(last_low) + down;
      first = false;
    }
    if (first) return {};
    up +=
      " L" + num(x_of(end_)) + "," + num(last_high) + " L" + num(x_of(end_)) + "," + num(last_low);
    return "<path d=\"" + up + down + " Z\" fill=\"var(--" + colour + ")\"/>\n";
  }

  [[nodiscard]] std::string ticket_areas(const panel& p) const {
    auto zero = [](const sample&) { return 0.0; };
    auto sold = [](const sample& s) { return static_cast<double>(s.tickets.sold); };
    auto taken = [](const sample& s) {
      return static_cast<double>(s.tickets.sold + s.tickets.held);
    };
    auto all = [](const sample& s) {
      return static_cast<double>(s.tickets.sold + s.tickets.held + s.tickets.free);
    };
    return area(p, taken, all, "free") + area(p, sold, taken, "held") + area(p, zero, sold, "sold");
  }

  [[nodiscard]] std::string crowd_line(const panel& p) const {
    auto zero = [](const sample&) { return 0.0; };
    auto present = [](const sample& s) { return static_cast<double>(s.present); };
    return area(p, zero, present, "taken");
  }

  [[nodiscard]] std::string refusal_bars(const panel& p) const {
    auto zero = [](const sample&) { return 0.0; };
    auto failed = [](const sample& s) { return static_cast<double>(s.failed); };
    auto all = [](const sample& s) { return static_cast<double>(s.failed + s.taken); };
    return area(p, failed, all, "taken") + area(p, zero, failed, "failed");
  }

  [[nodiscard]] std::string time_axis(double bottom) const {
    std::string out;
    constexpr std::array<int, 10> steps = {1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600};
    auto seconds = end_ / 1000;
    int step = steps.back();
    for (auto s : steps) {
      if (seconds / s > 12) continue;
      step = s;
      break;
    }
    for (int s = 0; s <= seconds; s += step) {
      char label[32];
      std::snprintf(label, sizeof label, "%d:%02d", s / 60, s % 60);
      auto x = x_of(1000.0 * s);
      out += rule(x, bottom, x, bottom + 5, "stroke=\"var(--soft)\"");
      out += text(x, bottom + 20, label, "soft mid");
    }
    return out + text(left, bottom + 38, "minutes since the opening", "soft");
  }

  [[nodiscard]] std::string moments(const panel& p) const {
    std::string out;
    auto mark = [&](const std::optional<millis>& at, const char* what, double y) {
      if (!at) return;
      auto x = x_of(*at);
      bool late = x > (left + right) / 2;
      out += rule(x, p.top, x, p.bottom, "stroke=\"var(--ink)\" stroke-width=\"1.5\"");
      auto label = std::string{what} + " " + words(*at);
      auto box = 6.6 * static_cast<double>(label.size()) + 12;
      out += rect(late ? x - box - 4 : x + 4, y - 14, box, 20,
                  "rx=\"3\" fill=\"var(--ground)\" opacity=\"0.85\"");
      out += text(late ? x - 9 : x + 9, y, label, late ? "end" : "");
    };
    mark(x_.nothing_free, "nothing left to hold:", p.top + 40);
    mark(x_.sold_out, "sold out:", p.top + 70);
    return out;
  }

  [[nodiscard]] std::string faults(double top, double bottom) const {
    std::string out;
    for (auto& f : x_.what.faults) {
      auto x = x_of(f.at);
      out += rect(x, top, std::max(2.0, x_of(f.at + f.length) - x), bottom - top,
                  "fill=\"var(--mark)\" opacity=\"0.12\"");
    }
    return out;
  }

  /// Above the panels, in two rows so that neighbours do not cover each other.
  [[nodiscard]] std::string fault_names() const {
    std::string out;
    std::array<double, 2> used = {0, 0};
    for (auto& f : x_.what.faults) {
      auto x = x_of(f.at);
      out += rule(x, 146, x, 674, "stroke=\"var(--mark)\" stroke-dasharray=\"4 3\"");
      auto label = describe(f);
      auto room = 6.6 * static_cast<double>(label.size());
      auto from = std::min(x, right - room);
      auto row = from > used[0] ? 0u : 1u;
      used[row] = from + room + 10;
      out += text(from, row == 0 ? 140 : 124, label, "mark");
    }
    return out;
  }

  static std::string legend() {
    std::string out;
    double x = 560;
    auto entry = [&](const char* colour, const char* name) {
      out += rect(x, 26, 12, 12, "rx=\"2\" fill=\"var(--" + std::string{colour} + ")\"");
      out += text(x + 18, 36, name, "soft");
      x += 34 + 6.4 * static_cast<double>(std::string{name}.size());
    };
    entry("sold", "sold");
    entry("held", "held");
    entry("free", "free");
    entry("taken", "refused: taken");
    entry("failed", "refused: failed");
    return out;
  }

  const rehearsal& x_;
  double end_ = 1;
};

} // namespace

std::string to_svg(const rehearsal& x) { return picture{x}.draw(); }

} // namespace tk::sim

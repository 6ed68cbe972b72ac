#include "core/punch/outlook.h"

namespace turnpike::punch {
namespace {

bool is_random(const Behaviour& behaviour) {
  return !behaviour.is_easy() && behaviour.mapping != Mapping::kUnknown &&
         behaviour.allocation == PortAllocation::kRandom;
}

}  // namespace

std::string_view words_of(Outlook outlook) {
  switch (outlook) {
    case Outlook::kPlain:
      return "both routers keep one outside port";
    case Outlook::kPredict:
      return "a router gives out ports in order: the next ones are tried";
    case Outlook::kWeOpen:
      return "our router gives out ports at random: many are opened for the peer to find one";
    case Outlook::kWeGuess:
      return "the peer's router gives out ports at random: many are tried";
    case Outlook::kHopeless:
      return "both routers give out ports that nobody can know in advance";
  }
  return "unknown";
}

bool is_steady(const Behaviour& behaviour) {
  if (behaviour.is_easy()) return true;
  if (behaviour.allocation == PortAllocation::kPreserving) return behaviour.mapping != Mapping::kUnknown;
  return behaviour.mapping == Mapping::kAddressDependent && behaviour.is_predictable();
}

Outlook outlook_of(const Behaviour& ours, const Behaviour& theirs) {
  if (is_random(ours) && is_random(theirs)) return Outlook::kHopeless;
  // A NAT that moves on with every port cannot guess, nor be guessed for: what it sends from is another port each time.
  if (is_random(ours))
    return is_steady(theirs) || theirs.mapping == Mapping::kUnknown ? Outlook::kWeOpen : Outlook::kHopeless;
  if (is_random(theirs))
    return is_steady(ours) || ours.mapping == Mapping::kUnknown ? Outlook::kWeGuess : Outlook::kHopeless;
  return ours.is_predictable() || theirs.is_predictable() ? Outlook::kPredict : Outlook::kPlain;
}

}  // namespace turnpike::punch

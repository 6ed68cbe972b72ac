#include "core/portmap/view.h"

namespace turnpike::portmap {

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOff:
      return "off";
    case Verdict::kNoGateway:
      return "no-gateway";
    case Verdict::kSearching:
      return "searching";
    case Verdict::kWorking:
      return "working";
    case Verdict::kMapped:
      return "mapped";
    case Verdict::kMappedSingly:
      return "mapped-singly";
    case Verdict::kNoAnswer:
      return "no-answer";
    case Verdict::kRefused:
      return "refused";
    case Verdict::kNotAuthorised:
      return "not-authorised";
    case Verdict::kOutOfResources:
      return "out-of-resources";
    case Verdict::kPrivateAddress:
      return "private-address";
    case Verdict::kCarrierAddress:
      return "carrier-address";
    case Verdict::kNoAddress:
      return "no-address";
    case Verdict::kOwnAddress:
      return "own-address";
    case Verdict::kUnstable:
      return "unstable";
  }
  return "?";
}

std::string_view words_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOff:
      return "port mapping is switched off";
    case Verdict::kNoGateway:
      return "this machine has no router to ask";
    case Verdict::kSearching:
      return "looking for a router that maps ports";
    case Verdict::kWorking:
      return "asking the router for ports";
    case Verdict::kMapped:
      return "the router has mapped all five ports";
    case Verdict::kMappedSingly:
      return "the router has mapped what it could, not at the usual distances";
    case Verdict::kNoAnswer:
      return "no router answers; switch on UPnP, NAT-PMP or PCP in its settings, or forward the ports by hand";
    case Verdict::kRefused:
      return "the router maps no ports";
    case Verdict::kNotAuthorised:
      return "the router does not allow port mapping; switch it on in the router's settings";
    case Verdict::kOutOfResources:
      return "the router has no room for more port mappings";
    case Verdict::kPrivateAddress:
      return "the router is itself behind another router (double NAT): its external address is private";
    case Verdict::kCarrierAddress:
      return "the provider shares one public address among its customers (CGNAT): nobody reaches this home from "
             "outside "
             "over IPv4";
    case Verdict::kNoAddress:
      return "the router has no public address: it is not connected, or behind another NAT";
    case Verdict::kOwnAddress:
      return "the router gives this machine's own address as its external one";
    case Verdict::kUnstable:
      return "the router's external address changes all the time; waiting for it to settle";
  }
  return "?";
}

bool is_behind_another_nat(Verdict verdict) {
  return verdict == Verdict::kPrivateAddress || verdict == Verdict::kCarrierAddress;
}

std::optional<Verdict> flaw_of(const std::optional<IpAddress>& external, const IpAddress& own) {
  if (!external || external->is_unspecified()) return Verdict::kNoAddress;
  if (external->is_global()) return std::nullopt;  // also our own: a router that only guards, and does not translate
  if (*external == own) return Verdict::kOwnAddress;
  const bool carrier =
      external->family == IpAddress::Family::kV4 && external->octets[0] == 100 && (external->octets[1] & 0xc0U) == 64;
  return carrier ? Verdict::kCarrierAddress : Verdict::kPrivateAddress;
}

Verdict verdict_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNoAnswer:
      return Verdict::kNoAnswer;
    case Refusal::kNotAuthorised:
      return Verdict::kNotAuthorised;
    case Refusal::kOutOfResources:
      return Verdict::kOutOfResources;
    case Refusal::kNoAddress:
      return Verdict::kNoAddress;
    case Refusal::kAnotherNat:
      return Verdict::kPrivateAddress;
    case Refusal::kUnsupported:
    case Refusal::kTaken:
    case Refusal::kBroken:
      break;
  }
  return Verdict::kRefused;
}

}  // namespace turnpike::portmap

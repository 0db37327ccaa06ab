/** What a campaign's screen knows of the rest: destinations, lists, other campaigns, facts that nobody tells here. */

import type { Campaign, CampaignWarning, Destination, NamedList } from "../../api";
import { useAll } from "../../all";
import { useAsk } from "../../ask";
import { may } from "../../session";
import { PLACED } from "../routing/facts";

export interface Known {
  destinations: readonly Destination[];
  lists: readonly NamedList[];
  campaigns: readonly Campaign[];
  /** Facts that no database of addresses tells here. */
  lacking: ReadonlySet<string>;
  warnings: readonly CampaignWarning[];
  currency: string;
  /** Where tracked links are. */
  origin: string;
  /** Asks for the warnings again: rules have changed. */
  again: () => void;
}

export function useKnown(campaign: number): Known {
  const destinations = useAll("destinations", may("destinations.read") ? {} : false);
  const lists = useAll("lists", may("lists.read") ? {} : false);
  const campaigns = useAll("campaigns");
  const warnings = useAsk("campaigns.warnings", { id: campaign });
  const status = useAsk("system.status", may("system.read") ? {} : null);
  const about = useAsk("system.about", {});
  const warned = warnings.value?.items ?? [];
  // Who may not see the system learns of a fact that nobody tells when it is saved.
  const told = new Set((status.value?.geo ?? []).flatMap((file) => file.facts));
  const lacking = status.value ? PLACED.filter((fact) => !told.has(fact)) : warned.flatMap((each) => each.facts);
  return {
    destinations: destinations.value ?? [],
    lists: lists.value ?? [],
    campaigns: (campaigns.value ?? []).filter((each) => each.id !== campaign),
    lacking: new Set(lacking),
    warnings: warned,
    currency: about.value?.currency ?? "",
    origin: about.value?.public ?? "",
    again: warnings.again,
  };
}

/** The catalog's campaigns and the report's figures as one list: filtered, sorted, summed. Pure. */

import type { Campaign } from "../../api";

export interface Figures {
  clicks: number;
  conversions: number;
  revenue: number | null;
  cost: number | null;
  profit: number | null;
  cr: number | null;
  roi: number | null;
  epc: number | null;
}

export interface Line extends Figures {
  campaign: Campaign;
}

export const NOTHING: Figures = { clicks: 0, conversions: 0, revenue: 0, cost: 0, profit: 0, cr: null, roi: null, epc: null };

export function lines(campaigns: readonly Campaign[], report: readonly Record<string, unknown>[], money: boolean): Line[] {
  const found = new Map(report.map((row) => [row["campaign"], row]));
  return campaigns.map((campaign) => {
    const row = found.get(campaign.id);
    const none = money ? NOTHING : { ...NOTHING, revenue: null, cost: null, profit: null };
    if (!row) return { campaign, ...none };
    const figure = (name: string): number | null => (typeof row[name] === "number" ? row[name] : null);
    return {
      campaign,
      clicks: figure("clicks") ?? 0,
      conversions: figure("conversions") ?? 0,
      revenue: figure("revenue"),
      cost: figure("cost"),
      profit: figure("profit"),
      cr: figure("cr"),
      roi: figure("roi"),
      epc: figure("epc"),
    };
  });
}

export type Key = "name" | "status" | keyof Figures;
export const KEYS: readonly Key[] = ["name", "status", "clicks", "conversions", "cr", "revenue", "cost", "profit", "roi", "epc"];

/** What is unknown comes last whichever way round. */
export function sorted(all: readonly Line[], key: Key, descending: boolean): Line[] {
  const sign = descending ? -1 : 1;
  return [...all].sort((a, b) => {
    const [x, y] = [valueOf(a, key), valueOf(b, key)];
    if (x === y) return a.campaign.id - b.campaign.id;
    if (x === null) return 1;
    if (y === null) return -1;
    return (x < y ? -1 : 1) * sign;
  });
}

function valueOf(line: Line, key: Key): string | number | null {
  if (key === "name") return (line.campaign.name || line.campaign.slug).toLowerCase();
  if (key === "status") return line.campaign.status;
  return line[key];
}

export function matching(all: readonly Line[], text: string, status: string): Line[] {
  const wanted = text.trim().toLowerCase();
  return all.filter(({ campaign }) => {
    if (status && campaign.status !== status) return false;
    return !wanted || `${campaign.name} ${campaign.slug} ${campaign.id}`.toLowerCase().includes(wanted);
  });
}

/** Sums of what is shown; ratios of the sums, not sums of ratios. */
export function summed(all: readonly Line[]): Figures {
  const sum = (key: "clicks" | "conversions" | "revenue" | "cost" | "profit"): number =>
    Math.round(all.reduce((total, line) => total + (line[key] ?? 0), 0) * 1e6) / 1e6;
  const known = (key: "revenue" | "cost" | "profit"): number | null =>
    all.some((line) => line[key] !== null) ? sum(key) : null;
  const [clicks, conversions] = [sum("clicks"), sum("conversions")];
  const [revenue, cost, profit] = [known("revenue"), known("cost"), known("profit")];
  return {
    clicks, conversions, revenue, cost, profit,
    cr: clicks ? (conversions / clicks) * 100 : null,
    roi: cost && profit !== null ? (profit / cost) * 100 : null,
    epc: clicks && revenue !== null ? revenue / clicks : null,
  }; // prettier-ignore
}

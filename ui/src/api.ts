// Made from the registry: `weir operations --typescript > ui/src/api.ts`. A test holds it to it.

export interface AdAccount {
  id: number;
  revision: number;
  archived: boolean;
  name: string;
  owner_id: number | null;
  platform: "google" | "meta" | "microsoft" | "openai" | "outbrain" | "pinterest" | "snapchat" | "taboola" | "tiktok";
  status: "active" | "paused";
  token: string;
  settings: Record<string, string>;
  dry_run: boolean;
  requests_per_minute: number;
  intake_hash: string;
  intake_hint: string;
  feed_hash: string;
  accept_experimental: boolean;
}

export interface AdAccountList {
  items: AdAccount[];
  limit: number;
  offset: number;
  total: number;
}

export interface EventRow {
  event_name: string;
  network?: string;
  when?: "conversion" | "interpreted";
  statuses?: string[];
  count?: "1" | "conversions" | "lander_searches" | "lander_visitors";
  value?: "none" | "share" | "whole";
  custom?: Record<string, string>;
}

export interface AdPlatform {
  name: string;
  experimental: boolean;
  needs: string[];
  optional: string[];
  secret_settings: string[];
  needs_token: boolean;
  click_parameters: string[];
  window_us: number;
  batch: number;
  names: Record<string, string>;
  usual: EventRow[];
  tests: "checked" | "counted" | "none" | "unknown";
  trial: "empty" | "event" | "none" | "old";
}

export interface AdPlatforms {
  items: AdPlatform[];
  standard: string[];
  conversion_macros: Record<string, string>;
  interpreted_macros: Record<string, string>;
}

export interface FeedAddress {
  id: number;
  revision: number;
  url: string;
}

export interface IntakeToken {
  id: number;
  revision: number;
  intake_hint: string;
  intake_token: string;
}

export interface Resealed {
  key: string;
  accounts: number[];
}

export interface PixelReport {
  target: string;
  pixel_id: number;
  code: string;
  queued: number;
  accepted: number;
  refused: number;
  not_sent: number;
  warning: string;
  next_deadline_us: number;
  at_risk: Record<string, number>;
  paused_us: number;
  probe_us: number;
  reason: string;
}

export interface AccountReport {
  account_id: number;
  name: string;
  platform: string;
  target: string;
  state: "dry_run" | "held" | "paused" | "sending" | "throttled";
  experimental: boolean;
  dry_run: boolean;
  queued: number;
  oldest_us: number;
  next_deadline_us: number;
  accepted: number;
  refused: number;
  not_sent: number;
  refused_by: Record<string, number>;
  at_risk: Record<string, number>;
  in_flight: number;
  answers: Record<string, number>;
  events: Record<string, number>;
  labels: Record<string, number>;
  unreconciled: number;
  measured: number;
  identifiers: Record<string, number>;
  match_quality: number | null;
  busy: number;
  busy_at_us: number;
  not_before_us: number;
  paused_us: number;
  probe_us: number;
  failures: number;
  reason: string;
  pixels: PixelReport[];
}

export interface Standings {
  items: AccountReport[];
}

export interface AccountTrial {
  ok: boolean;
  label: string;
  reason: string;
  sent: boolean;
  warning: string;
  request: string;
  status: number;
  latency_us: number;
  answer: string;
  trace: string;
}

export interface ShownAlert {
  id: string;
  state: "closed" | "open";
  kind: string;
  about: string;
  text: string;
  opened_us: number;
  seen_us: number;
  closed_us: number;
  acknowledged_us: number;
  acknowledged_by: string;
  told: string[];
  ended: string[];
}

export interface Channel {
  name: string;
  to: string;
  error: string;
  told_us: number;
}

export interface AlertsPage {
  items: ShownAlert[];
  limit: number;
  offset: number;
  total: number;
  open: number;
  channels: Channel[];
}

export interface Tested {
  channels: Channel[];
}

export interface Uniqueness {
  by?: "address" | "address_agent" | "cookie";
  window_hours?: number;
  every_click?: boolean;
}

export interface Campaign {
  id: number;
  revision: number;
  archived: boolean;
  name: string;
  owner_id: number | null;
  slug: string;
  public_id: string;
  status: "active" | "paused";
  source_id: number | null;
  currency: string;
  trafficback_url: string;
  rotation: "position" | "weight";
  sticky: "destination" | "none" | "stream";
  sticky_hours: number;
  uniqueness: Uniqueness;
  secret: string;
  click_cookie_days: number;
}

export interface CampaignList {
  items: Campaign[];
  limit: number;
  offset: number;
  total: number;
}

export interface CampaignWarning {
  stream_id: number;
  facts: string[];
  message: string;
}

export interface Warnings {
  items: CampaignWarning[];
}

export interface AtItem {
  kind: "ad_account" | "campaign" | "destination" | "link" | "list" | "network" | "page" | "pixel" | "source" | "stream" | "subscription" | "target" | "template" | "token" | "user";
  entity: Record<string, unknown>;
}

export interface At {
  revision: number;
  items: AtItem[];
  limit: number;
  offset: number;
  total: number;
}

export interface Change {
  kind: "ad_account" | "campaign" | "destination" | "link" | "list" | "network" | "page" | "pixel" | "source" | "stream" | "subscription" | "target" | "template" | "token" | "user";
  id: number;
  before: Record<string, unknown> | null;
  after: Record<string, unknown>;
}

export interface Revision {
  number: number;
  at_us: number;
  author: string;
  door: string;
  changes: Change[];
}

export interface History {
  items: Revision[];
}

export interface FieldChange {
  field: string;
  before: unknown;
  after: unknown;
}

export interface Then {
  kind: "ad_account" | "campaign" | "destination" | "link" | "list" | "network" | "page" | "pixel" | "source" | "stream" | "subscription" | "target" | "template" | "token" | "user";
  entity: Record<string, unknown>;
  since: FieldChange[];
}

export interface ClickConfiguration {
  click_id: string;
  revision: number;
  at_us: number;
  author: string;
  decision: string;
  reason: string;
  campaign: Then | null;
  stream: Then | null;
  destination: Then | null;
  source: Then | null;
  network: Then | null;
  link: Then | null;
  considered: Then[];
}

export interface ClickRecord {
  click: Record<string, unknown>;
}

export interface Page {
  items: unknown[];
  limit: number;
  offset: number;
  total: number;
}

export interface RefusedEntry {
  row: number;
  field: string;
  reason: string;
}

export interface EntryAnswer {
  id: string;
  stored: boolean;
  rows: number;
  made: number;
  changed: number;
  known: number;
  refused: RefusedEntry[];
}

export interface Adjustment {
  id: string;
  campaign_id: number;
  from_us: number;
  to_us: number;
  amount: number;
  currency: string;
  note: string;
  author: string;
  at_us: number;
  parts: number;
  clicks: number;
  kind: "add" | "per_click" | "total";
  filters: Record<string, unknown>;
  added: number;
}

export interface Adjustments {
  items: Adjustment[];
  limit: number;
  offset: number;
  total: number;
}

export interface Done {
  count: number;
  targets: Record<string, number>;
}

export interface Delivery {
  number: number;
  id: string;
  target: string;
  conversion_id: string;
  revision: number;
  campaign_id: number;
  state: "cancelled" | "dead" | "delivered" | "pending";
  created_us: number;
  not_before_us: number;
  deadline_us: number;
  attempts: number;
  finished_us: number;
  reason: string;
  status: string;
  payout: string;
  currency: string;
  event_name: string;
}

export interface Attempt {
  at_us: number;
  latency_us: number;
  request: string;
  status: number;
  answer: string;
  error: string;
  trace: string;
}

export interface DeliveryWhole {
  delivery: Delivery;
  values: Record<string, string>;
  attempts: Attempt[];
}

export interface Standing {
  target: string;
  failures: number;
  paused_us: number;
  probe_us: number;
  reason: string;
}

export interface DeliveryList {
  items: Delivery[];
  paused: Standing[];
  total: number | null;
}

export interface Unheard {
  currency: string;
  amount: number;
  conversions: number;
}

export interface Queue {
  target: string;
  states: Record<string, number>;
  oldest_us: number;
  next_us: number;
  deadline_us: number;
  failures: number;
  paused_us: number;
  probe_us: number;
  reason: string;
  unheard: Unheard[];
}

export interface Queues {
  items: Queue[];
  unheard: Unheard[];
  whole: boolean;
}

export interface Window {
  days?: number[];
  begin?: string;
  end?: string;
}

export interface Schedule {
  timezone?: string;
  windows?: Window[];
  first?: string;
  last?: string;
}

export interface Cap {
  metric: "clicks" | "conversions" | "cost" | "revenue";
  limit: string;
  window_hours?: number;
  timezone?: string;
  currency?: string;
}

export interface Probe {
  url?: string;
  method?: "GET" | "HEAD";
  every_s?: number;
  timeout_s?: number;
  statuses?: number[];
  contains?: string;
  down_after?: number;
  up_after?: number;
}

export interface Target {
  destination_id: number;
  weight: number;
}

export interface Destination {
  id: number;
  revision: number;
  archived: boolean;
  name: string;
  owner_id: number | null;
  url: string;
  status: "active" | "paused";
  network_id: number | null;
  schedule: Schedule | null;
  caps: Cap[];
  alternative_id: number | null;
  probe: Probe | null;
  exits: Target[][];
}

export interface Holder {
  edge: number;
  life: number;
  present: boolean;
  ceiling: number;
  sent: number;
  recorded: number;
  hungry: boolean;
  unconfirmed: number;
}

export interface CapReport {
  destination_id: number;
  metric: string;
  window_hours: number;
  timezone: string;
  currency: string;
  limit: number;
  used: number;
  lent: number;
  reached: boolean;
  exceeded: boolean;
  holders: Holder[];
}

export interface CapsAnswer {
  items: CapReport[];
}

export interface Seen {
  at_us: number;
  status: number;
  latency_us: number;
  error: string;
}

export interface Health {
  destination_id: number;
  state?: "healthy" | "unhealthy" | "unknown";
  since_us?: number;
  failures?: number;
  successes?: number;
  last?: Seen | null;
}

export interface HealthAnswer {
  items: Health[];
}

export interface DestinationList {
  items: Destination[];
  limit: number;
  offset: number;
  total: number;
}

export interface Dismissed {
  id: string;
}

export interface ShownFinding {
  id: string;
  code: string;
  network_id: number;
  campaign_id: number;
  source_id: number;
  destination_id: number;
  first_us: number;
  last_us: number;
  count: number;
  about: string;
  example: string;
  fault: string;
  fix: string;
  grave: boolean;
  muted: boolean;
}

export interface Findings {
  items: ShownFinding[];
  limit: number;
  offset: number;
  total: number;
}

export interface EventDelivery {
  id: string;
  target: string;
  revision: number;
  state: "cancelled" | "dead" | "delivered" | "pending";
  reason: string;
  created_us: number;
  deadline_us: number;
  finished_us: number;
  attempts: Attempt[];
}

export interface EventWhole {
  revisions: Record<string, unknown>[];
  deliveries: EventDelivery[];
  told: number;
}

export interface Refusal {
  line: number;
  field: string;
  reason: string;
}

export interface Taken {
  read: number;
  kept: number;
  unchanged: number;
  reports: number;
  labels: Record<string, number>;
  refused: Refusal[];
  again: boolean;
}

export interface SummaryLine {
  value: string;
  rows: number;
  events: number;
  invalid: number;
  reports: number;
  conversions: number;
  amount: number | null;
}

export interface Summary {
  items: SummaryLine[];
}

export interface Download {
  media_type: string;
  filename: string;
  blocks: unknown;
}

export interface EntityChange {
  kind: "ad_account" | "campaign" | "destination" | "link" | "list" | "network" | "page" | "pixel" | "source" | "stream" | "subscription" | "target" | "template" | "token" | "user";
  id: number;
  name: string;
  deed: "archived" | "changed" | "created" | "restored";
  fields: FieldChange[];
}

export interface Comparison {
  from: number;
  to: number;
  items: EntityChange[];
  limit: number;
  offset: number;
  total: number;
}

export interface RevisionChanges {
  revision: number;
  at_us: number;
  author: string;
  door: string;
  changes: EntityChange[];
  more: number;
}

export interface HistoryPage {
  items: RevisionChanges[];
  limit: number;
  before: number | null;
}

export interface Restored {
  kind: "ad_account" | "campaign" | "destination" | "link" | "list" | "network" | "page" | "pixel" | "source" | "stream" | "subscription" | "target" | "template" | "token" | "user";
  entity: Record<string, unknown>;
}

export interface IntakeReport {
  name: string;
  kind: string;
  where: string;
  batches: number;
  failed: number;
  events: number;
  waiting: number;
  last_us: number;
  last_error: string;
  paused_by: string;
  paused_us: number;
  dead: number;
  oldest_us: number;
}

export interface SubscriptionFilter {
  on: boolean;
  by: string;
  at_us: number;
}

export interface InterpreterReport {
  processed: number;
  passed: number;
  unchanged: number;
  refused: number;
  reports: number;
  labels: Record<string, number>;
  totals: number;
  filter_off_by: string;
  last_error: string;
}

export interface IntakeList {
  items: IntakeReport[];
  filter: SubscriptionFilter;
  interpreter: InterpreterReport | null;
}

export interface Held {
  edge: number;
  consumer: "conversions" | "publisher";
}

export interface HoldAnswer {
  held: Held[];
}

export interface Link {
  id: number;
  revision: number;
  archived: boolean;
  name: string;
  owner_id: number | null;
  token: string;
  campaign_id: number;
  params: Record<string, string>;
  status: "active" | "paused";
  facts_from_query: boolean;
}

export interface LinkList {
  items: Link[];
  limit: number;
  offset: number;
  total: number;
}

export interface NamedList {
  id: number;
  revision: number;
  archived: boolean;
  name: string;
  owner_id: number | null;
  of: "address" | "mask" | "text";
  digest: string;
  entries: number;
}

export interface Checked {
  held: boolean;
}

export interface ListEntries {
  items: string[];
  limit: number;
  offset: number;
  total: number;
}

export interface NamedListList {
  items: NamedList[];
  limit: number;
  offset: number;
  total: number;
}

export interface Entries {
  of: "address" | "mask" | "text";
  digest: string;
  entries: number;
}

export interface Unwatched {
  subscription: number;
}

export interface Watching {
  subscription: number;
  seq: number;
  topics: ("clicks" | "conversions" | "postbacks" | "system")[];
}

export interface Me {
  id: number;
  email: string;
  name: string;
  role: "administrator" | "buyer" | "viewer";
  status: "active" | "blocked" | "pending_approval";
  sees_money: boolean;
  permissions: string[] | null;
  campaigns: number[] | null;
}

export interface FurtherUrl {
  title: string;
  query: string;
}

export interface NetworkPreset {
  name: string;
  title: string;
  paste: string;
  query: string;
  more: FurtherUrl[];
  polled: boolean;
  mapping: Record<string, string[]>;
  status_words: Record<string, string>;
  currency: string;
  reply: string;
  signature: string;
  note: string;
}

export interface NetworkPresets {
  items: NetworkPreset[];
}

export interface Network {
  id: number;
  revision: number;
  archived: boolean;
  name: string;
  owner_id: number | null;
  slug: string;
  secret: string;
  template_id: number | null;
  status: "active" | "paused";
  currency: string;
  secrets: string[];
  allow: string[];
  signature: "" | "clickbank_ins" | "digistore24" | "hmac_sha256";
  reply: string;
  status_words: Record<string, string>;
  duplicates: "create" | "edit" | "event_id" | "ignore" | "increment" | "repeat";
  duplicates_by_type: Record<string, "create" | "edit" | "event_id" | "ignore" | "increment" | "repeat">;
  claim_by: ("event_type" | "upsell")[];
  transitions: Record<string, string[]>;
  unknown_click: "accept" | "wait";
  click_wait_hours: number | null;
  preset: string;
  layout: "" | "crossroads" | "sedo" | "tonic";
}

export interface NetworkList {
  items: Network[];
  limit: number;
  offset: number;
  total: number;
}

export interface UnknownWord {
  word: string;
  postbacks: number;
  first_us: number;
  last_us: number;
  example: string;
  status: string;
}

export interface UnknownWordList {
  items: UnknownWord[];
}

export interface PostbackUrl {
  title: string;
  url: string;
}

export interface Urls {
  paste: string;
  postbacks: PostbackUrl[];
  pixel: string;
  script: string;
  note: string;
}

export interface Described {
  name: string;
  summary: string;
  permission: string;
  changes: boolean;
  doors: string[];
  closed: Record<string, string>;
  method: string;
  path: string;
  example: Record<string, unknown>;
  fields: Record<string, string>;
}

export interface Operations {
  items: Described[];
}

export interface CatalogPage {
  id: number;
  revision: number;
  archived: boolean;
  name: string;
  owner_id: number | null;
  slug: string;
  body: string;
  content_type: string;
}

export interface PageList {
  items: CatalogPage[];
  limit: number;
  offset: number;
  total: number;
}

export interface Pixel {
  id: number;
  revision: number;
  archived: boolean;
  name: string;
  owner_id: number | null;
  ad_account_id: number;
  code: string;
  status: "active" | "paused";
  source_ids: number[];
  campaign_ids: number[];
  network_ids: number[];
  test_code: string;
  statuses: string[];
  types: string[];
  mapping: EventRow[];
  page_url: string;
}

export interface PixelList {
  items: Pixel[];
  limit: number;
  offset: number;
  total: number;
}

export interface PreviewedEvent {
  event_name: string;
  event_id: string;
  at_us: number;
  value: number | null;
  currency: string;
  consent: string;
  label: string;
  identifiers: string[];
  request: string;
}

export interface Preview {
  told: boolean;
  why: string;
  request: string;
  events: PreviewedEvent[];
}

export interface Received {
  id: string;
  at_us: number;
  stage: string;
  network_id: number;
  method: string;
  params: Record<string, string> | null;
  address: string;
  request_id: string;
}

export interface Became {
  known_us: number;
  outcome: string;
  reason: string;
  click_id: string;
  transaction_id: string;
  conversion_id: string;
}

export interface InboxStanding {
  id: string;
  status: string;
  original_status: string;
  event_type: string;
  transaction_id: string;
  click_id: string;
  campaign_id: number;
  attributed: boolean;
  repeated: boolean;
  at_us: number;
  currency: string;
  conversions: number;
  payout: number | null;
  revenue: number | null;
  hold: number | null;
  original_payout: number | null;
  original_currency: string;
  rate: string;
  revision: number;
  postbacks: number;
}

export interface PostbackLife {
  received: Received | null;
  outcomes: Became[];
  conversion: InboxStanding | null;
}

export interface Sum {
  currency: string;
  conversions: number;
  revenue: number | null;
  hold: number | null;
}

export interface ChangedConversion {
  id: string;
  deed: "changed" | "made" | "voided";
  before: InboxStanding | null;
  after: InboxStanding | null;
}

export interface MovedPostback {
  id: string;
  at_us: number;
  network_id: number;
  before: string;
  after: string;
  reason: string;
  conversion_before: string;
  conversion_after: string;
}

export interface LeftAlone {
  conversion_id: string;
  reason: string;
}

export interface Reprocessing {
  fingerprint: string;
  postbacks: number;
  pending: number;
  made: number;
  changed: number;
  voided: number;
  unseen: number;
  unchanged: number;
  moved: number;
  left: number;
  sums: Sum[];
  conversions: ChangedConversion[];
  moved_postbacks: MovedPostback[];
  left_alone: LeftAlone[];
  applied: boolean;
}

export interface TestedClick {
  id: string;
  found: boolean;
  at_us: number;
  campaign_id: number;
  source_id: number;
}

export interface InboxTested {
  network_id: number;
  fields: Record<string, string>;
  places: Record<string, string>;
  notes: string[];
  status: string;
  click: TestedClick | null;
  outcome: string;
  reason: string;
  before: InboxStanding | null;
  after: InboxStanding | null;
}

export interface Stored {
  stored: number;
}

export interface Shown {
  date: string;
  from: string;
  to: string;
  rate: string;
}

export interface ShownRates {
  items: Shown[];
  limit: number;
  offset: number;
  total: number;
}

export interface Removed {
  removed: number;
}

export interface Cancelled {
  cancelled: number;
}

export interface Overview {
  from: string;
  to: string;
  timezone: string;
  currency: string;
  clicks?: number | null;
  unique_clicks?: number | null;
  trafficbacks?: number | null;
  lp_views?: number | null;
  lp_clicks?: number | null;
  conversions?: number | null;
  sales?: number | null;
  leads?: number | null;
  holds?: number | null;
  rejected?: number | null;
  trash?: number | null;
  refunds?: number | null;
  chargebacks?: number | null;
  revenue?: number | null;
  hold_revenue?: number | null;
  cost?: number | null;
  profit?: number | null;
  roi?: number | null;
  cr?: number | null;
  lp_ctr?: number | null;
  epc?: number | null;
  uepc?: number | null;
  cpc?: number | null;
  cpa?: number | null;
  ar?: number | null;
  custom: Record<string, number | null>;
  unconverted: Record<string, Record<string, number>>;
  previous?: Record<string, unknown>;
}

export interface Compared {
  from: string;
  to: string;
  totals: Record<string, unknown>;
}

export interface Table {
  from: string;
  to: string;
  timezone: string;
  currency: string;
  group_by: string[];
  items: Record<string, unknown>[];
  total: number;
  limit: number;
  offset: number;
  totals: Record<string, unknown>;
  previous?: Compared;
}

export interface RunningReport {
  id: number;
  operation: string;
  caller: string;
  tag: string;
  seconds: number;
  waiting: boolean;
}

export interface RunningReports {
  items: RunningReport[];
}

export interface Series {
  from: string;
  to: string;
  timezone: string;
  currency: string;
  interval: string;
  items: Record<string, unknown>[];
  previous?: Record<string, string>;
}

export interface Difference {
  field: string;
  recorded: unknown;
  replayed: unknown;
}

export interface RuleSeen {
  outcome: "failed" | "held" | "skipped" | "unknown";
  given?: string | null;
  param?: string;
  fact?: string;
  operator?: string;
  value?: string | string[];
  more?: number;
  list_id?: number | null;
  schedule?: string;
  group?: "" | "all" | "any";
  negate?: boolean;
  rules?: RuleSeen[];
}

export interface StreamSeen {
  id: number;
  name: string;
  kind: string;
  verdict: string;
  rule: number;
  rules: RuleSeen[];
}

export interface DestinationSeen {
  id: number;
  name: string;
  verdict: string;
  weight: number | null;
  given_weight: number | null;
}

export interface Trace {
  decision: string;
  reason: string;
  campaign_id: number;
  campaign: string;
  stream_id: number;
  destination_id: number;
  network_id: number;
  url: string | null;
  status: number;
  counted: boolean;
  draw: number;
  turn: number;
  facts: Record<string, string>;
  streams: StreamSeen[];
  destinations: DestinationSeen[];
  landing_id: number;
  exit_number: number;
  unknown_macros: string[];
  unusable_params: string[];
}

export interface Explanation {
  click_id: string;
  at_us: number;
  revision: number;
  kernel: number;
  kernel_now: number;
  exact: boolean;
  url_proven: boolean;
  differences: Difference[];
  trace: Trace;
}

export interface Reloaded {
  revision: number;
  parts: number;
  edges: number;
}

export interface Place {
  decision: string;
  reason: string;
  stream_id: number;
  stream: string;
  destination_id: number;
  destination: string;
}

export interface Move {
  campaign_id: number;
  campaign: string;
  before: Place;
  after: Place;
  clicks: number;
  click_ids: string[];
}

export interface Replay {
  revision: number;
  clicks: number;
  from_us: number;
  stayed: number;
  moved: number;
  gone: number;
  moves: Move[];
  more: number;
}

export interface Share {
  campaign_id: number;
  decision: string;
  reason: string;
  stream_id: number;
  stream: string;
  destination_id: number;
  destination: string;
  clicks: number;
  share: number;
}

export interface Simulation {
  revision: number;
  at_us: number;
  traces: Trace[];
  clicks: number;
  outcomes: Share[];
  more: number;
}

export interface EdgeTable {
  edge: number;
  connected: boolean;
  revision: number;
  age_seconds: number;
  behind: number;
  refused: string;
}

export interface RoutingStats {
  revision: number;
  compiled_at_us: number;
  parts: number;
  entities: Record<string, number>;
  edges: EdgeTable[];
}

export interface SignedIn {
  token: string;
  expires_at: string;
  user: Me;
}

export interface LocalSession {
  token: string;
  expires_at: string;
}

export interface CodeSent {
  expires_at: string;
  code: string | null;
}

export interface SignedOut {
  sessions: number;
}

export interface SessionShown {
  id: string;
  user_id: number;
  address: string;
  started_at: string;
  expires_at: string;
  current: boolean;
}

export interface SessionList {
  items: SessionShown[];
  limit: number;
  offset: number;
  total: number;
}

export interface CostModel {
  kind?: "cpa" | "cpc" | "cpm" | "parameter" | "revshare";
  amount?: string;
}

export interface Transparent {
  param?: string;
  hosts?: string[];
}

export interface Source {
  id: number;
  revision: number;
  archived: boolean;
  name: string;
  owner_id: number | null;
  currency: string;
  params: Record<string, string>;
  cost_model: CostModel;
  transparent: Transparent | null;
  secret: string;
  preset: string;
}

export interface SourceList {
  items: Source[];
  limit: number;
  offset: number;
  total: number;
}

export interface Parameter {
  field: string;
  param: string;
  macro: string;
}

export interface Preset {
  name: string;
  title: string;
  query: string;
  parameters: Parameter[];
  note: string;
}

export interface Presets {
  items: Preset[];
  meanings: Record<string, string>;
}

export interface Unexpanded {
  source_id: number;
  source: string;
  param: string;
  clicks: number;
}

export interface UnexpandedList {
  items: Unexpanded[];
}

export interface Rule {
  param?: string;
  fact?: string;
  operator?: "cidr" | "contains" | "ends_with" | "eq" | "exists" | "gt" | "gte" | "in" | "in_list" | "lt" | "lte" | "mask" | "neq" | "not_cidr" | "not_contains" | "not_exists" | "not_in" | "not_in_list" | "not_mask" | "regex" | "starts_with" | "";
  value?: string | string[];
  list_id?: number | null;
  schedule?: Schedule | null;
  all?: Rule[];
  any?: Rule[];
  negate?: boolean;
}

export interface Distribution {
  strategy?: "adaptive" | "best_roi" | "round_robin" | "waterfall" | "weighted";
  window_hours?: number;
  min_clicks?: number;
  fallback?: "round_robin" | "waterfall" | "weighted";
  goal?: "conversions" | "revenue";
  floor_percent?: number;
}

export interface UniquePolicy {
  enabled?: boolean;
  user_key?: string;
  history_window_hours?: number;
  exhausted_mode?: "allow_repeat" | "no_destination";
  skip_converted?: boolean;
}

export interface Answer {
  kind?: "campaign" | "double_meta" | "form_post" | "html" | "iframe" | "js" | "json" | "meta" | "redirect" | "status" | "text";
  status?: number;
  body?: string;
  campaign_id?: number | null;
}

export interface Stream {
  id: number;
  revision: number;
  archived: boolean;
  name: string;
  owner_id: number | null;
  campaign_id: number;
  position: number;
  status: "active" | "paused";
  rules: Rule[];
  targets: Target[];
  kind: "default" | "forced" | "regular";
  weight: number;
  distribution: Distribution;
  unique_policy: UniquePolicy | null;
  answer: Answer;
  trafficback_url: string;
}

export interface StreamList {
  items: Stream[];
  limit: number;
  offset: number;
  total: number;
}

export interface Subscription {
  id: number;
  revision: number;
  archived: boolean;
  name: string;
  owner_id: number | null;
  campaign_id: string;
  network: string;
  account: string;
  traffic_source: string;
  status: "active" | "paused";
}

export interface SubscriptionList {
  items: Subscription[];
  limit: number;
  offset: number;
  total: number;
}

export interface About {
  version: string;
  public: string;
  currency: string;
}

export interface ProducerReport {
  topic: string;
  queue_capacity: number;
  queued: number;
  published: number;
  dropped: number;
  publish_errors: number;
  failed_enqueue: number;
  closed: boolean;
}

export interface EdgeProducers {
  edge: number;
  connected: boolean;
  topics: ProducerReport[];
}

export interface Producers {
  edges: EdgeProducers[];
}

export interface CatalogReport {
  revision: number;
  compiled_us: number;
  parts: number;
  entities: Record<string, number>;
}

export interface WarehouseReport {
  state: string;
  engine: string;
  rows_shipped: number;
  rows_set_aside: number;
  last_error: string;
}

export interface JournalReport {
  epoch: number;
  last_seq: number;
  mode: string;
  ring: number;
  ring_capacity: number;
  unrecorded: number;
  bytes: number;
  wal_bytes: number;
  segments: number;
  commits: number;
  last_error: string;
}

export interface ActorReport {
  name: string;
  state: string;
  restarts: number;
  mailbox_depth: number;
  mailbox_peak: number;
  mailbox_capacity: number;
  refused: number;
  handled: number;
  last_error: string;
}

export interface AddressFileReport {
  path: string;
  layout: string;
  type: string;
  built_us: number;
  facts: string[];
  error: string;
}

export interface MemoryReport {
  pairs: number;
  capacity: number;
  pushed_out: number;
  unsaved: number;
  lost_unsaved: number;
  unshared: number;
  last_error: string;
}

export interface EdgeReport {
  edge: number;
  pid: number;
  at_us: number;
  revision: number;
  table_age_us: number;
  ready: boolean;
  connections: number;
  requests: number;
  replies: Record<string, number>;
  unknown_macros: Record<string, number>;
  bad_params: Record<string, number>;
  rss_bytes: number;
  journal: JournalReport;
  producers: ProducerReport[];
  actors: ActorReport[];
  unexpanded: Record<string, Record<string, number>>;
  undecided: number;
  geo: AddressFileReport[];
  memory: MemoryReport | null;
  unread_lists: string[];
  unsealed: number;
  identity_error: string;
}

export interface EdgeStatus {
  edge: number;
  connected: boolean;
  connections: number;
  taken_revision: number;
  behind_revisions: number;
  report_age_seconds: number;
  refused: string;
  report: EdgeReport | null;
  disk_free_bytes: number;
}

export interface ConsumerReport {
  consumer: string;
  edge: number;
  epoch: number;
  seq: number;
  behind: number;
  behind_seconds: number;
  taken: number;
  held: boolean;
  last_error: string;
  caught_up_us: number;
}

export interface ConversionsReport {
  outcomes: Record<string, number>;
  waiting: number;
  figures: Record<string, number>;
  last_error: string;
}

export interface ProcessReport {
  name: string;
  pid: number;
  state: string;
  restarts: number;
  last_error: string;
}

export interface LiveReport {
  watchers: number;
  classes: number;
  interval_seconds: number;
  frames: number;
  cut: number;
  sampled: number;
  skipped: number;
  last_error: string;
}

export interface DeliveriesReport {
  pending: number;
  dead: number;
  oldest_seconds: number;
  paused: string[];
  attempts: Record<string, number>;
  last_error: string;
}

export interface Unknowable {
  campaign_id: number;
  stream_id: number;
  facts: string[];
}

export interface QueueReport {
  name: string;
  depth: number;
  oldest_us: number;
  dead: number;
  late_us: number;
}

export interface QueryReport {
  kind: string;
  count: number;
  seconds: number;
  buckets: number[];
  failed: number;
}

export interface UpkeepReport {
  runs: number;
  partitions: number;
  rows_before: number;
  rows_after: number;
  seconds: number;
  last_us: number;
  last_seconds: number;
  last_error: string;
}

export interface RecentReport {
  conversions_per_minute: number | null;
  error_ratios: Record<string, number>;
  ended: Record<string, number>;
  labels: Record<string, Record<string, number>>;
  lost: Record<string, number>;
  unreconciled: Record<string, number>;
}

export interface Alert {
  id: string;
  kind: string;
  about: string;
  text: string;
  opened_us: number;
  seen_us: number;
  closed_us: number;
  acknowledged_us: number;
  acknowledged_by: string;
  told: string[];
  ended: string[];
}

export interface AlertsReport {
  open: Alert[];
  kinds: Record<string, number>;
  opened: number;
  channels: Channel[];
  last_error: string;
}

export interface SystemStatus {
  version: string;
  at_us: number;
  started_us: number;
  ready: boolean;
  problems: string[];
  degraded: string[];
  catalog: CatalogReport;
  warehouse: WarehouseReport;
  edges: EdgeStatus[];
  consumers: ConsumerReport[];
  conversions: ConversionsReport;
  actors: ActorReport[];
  holds: [number, string][];
  processes: ProcessReport[];
  live: LiveReport;
  caps: CapReport[];
  health: Health[];
  rss_bytes: number;
  disk_free_bytes: number;
  geo: AddressFileReport[];
  deliveries: DeliveriesReport;
  unknowable: Unknowable[];
  queues: QueueReport[];
  accounts: AccountReport[];
  intakes: IntakeReport[];
  interpreter: InterpreterReport | null;
  queries: QueryReport[];
  upkeep: UpkeepReport;
  recent: RecentReport;
  alerts: AlertsReport;
}

export interface PostbackTarget {
  id: number;
  revision: number;
  archived: boolean;
  name: string;
  owner_id: number | null;
  url: string;
  status: "active" | "paused";
  source_id: number | null;
  campaign_ids: number[];
  network_ids: number[];
  method: "GET" | "POST";
  body: string;
  headers: Record<string, string>;
  statuses: string[];
  types: string[];
  min_payout: string;
  max_payout: string;
  share: number;
  payout_scale: number;
  on: "created" | "payout" | "status";
  secret: string;
  deadline_hours: number;
}

export interface PostbackTargetList {
  items: PostbackTarget[];
  limit: number;
  offset: number;
  total: number;
}

export interface Macro {
  name: string;
  meaning: string;
}

export interface Macros {
  items: Macro[];
}

export interface TargetsPreset {
  name: string;
  title: string;
  url: string;
  blanks: string[];
  note: string;
}

export interface TargetsPresets {
  items: TargetsPreset[];
}

export interface TargetTrial {
  request: string;
  sent: boolean;
  accepted: boolean;
  verdict: string;
  status: number;
  latency_us: number;
  answer: string;
  error: string;
  told: Record<string, string>;
}

export interface Template {
  id: number;
  revision: number;
  archived: boolean;
  name: string;
  owner_id: number | null;
  mapping: Record<string, string[]>;
}

export interface TemplateList {
  items: Template[];
  limit: number;
  offset: number;
  total: number;
}

export interface Profile {
  name: string;
  title: string;
  mapping: Record<string, string[]>;
  note: string;
}

export interface Profiles {
  items: Profile[];
}

export interface TokenShown {
  id: number;
  revision: number;
  archived: boolean;
  name: string;
  user_id: number;
  scopes: string[];
  expires_at: string;
  hint: string;
}

export interface TokenCreated {
  id: number;
  revision: number;
  archived: boolean;
  name: string;
  user_id: number;
  scopes: string[];
  expires_at: string;
  hint: string;
  token: string;
}

export interface TokenList {
  items: TokenShown[];
  limit: number;
  offset: number;
  total: number;
}

export interface User {
  id: number;
  revision: number;
  archived: boolean;
  name: string;
  owner_id: number | null;
  email: string;
  role: "administrator" | "buyer" | "viewer";
  status: "active" | "blocked" | "pending_approval";
  campaigns: number[];
  sees_money: boolean;
  every_campaign: boolean;
}

export interface UserList {
  items: User[];
  limit: number;
  offset: number;
  total: number;
}

export interface FieldProblem {
  path: string;
  message: string;
}

export interface Named {
  kind: "ad_account" | "campaign" | "destination" | "link" | "list" | "network" | "page" | "pixel" | "source" | "stream" | "subscription" | "target" | "template" | "token" | "user";
  id: number;
  name: string;
}

export interface Clash {
  kind: "ad_account" | "campaign" | "destination" | "link" | "list" | "network" | "page" | "pixel" | "source" | "stream" | "subscription" | "target" | "template" | "token" | "user";
  id: number;
  entity: Record<string, unknown>;
  changed: FieldChange[];
  author: string;
  door: string;
  at_us: number;
  used_by: Named[];
}

export interface ErrorBody {
  code: string;
  message: string;
  fields: FieldProblem[];
  details?: Clash;
}

export interface ErrorShape {
  error: ErrorBody;
}

export interface Api {
  "ad_accounts.archive": { request: { id: number; revision?: number | null }; answer: AdAccount };
  "ad_accounts.change": { request: { id: number; revision?: number | null; name?: string; status?: "active" | "paused"; token?: string; settings?: Record<string, string>; dry_run?: boolean; accept_experimental?: boolean; requests_per_minute?: number }; answer: AdAccount };
  "ad_accounts.close_feed": { request: { id: number; revision?: number | null }; answer: AdAccount };
  "ad_accounts.close_intake": { request: { id: number; revision?: number | null }; answer: AdAccount };
  "ad_accounts.create": { request: { name: string; platform: "google" | "meta" | "microsoft" | "openai" | "outbrain" | "pinterest" | "snapchat" | "taboola" | "tiktok"; status?: "active" | "paused"; token?: string; settings?: Record<string, string>; dry_run?: boolean; accept_experimental?: boolean; requests_per_minute?: number }; answer: AdAccount };
  "ad_accounts.get": { request: { id: number }; answer: AdAccount };
  "ad_accounts.list": { request: { limit?: number; offset?: number; archived?: boolean; sort?: string; search?: string; owner_id?: number | null; platform?: "google" | "meta" | "microsoft" | "openai" | "outbrain" | "pinterest" | "snapchat" | "taboola" | "tiktok"; status?: "active" | "paused"; dry_run?: boolean }; answer: AdAccountList };
  "ad_accounts.platforms": { request: Record<string, never>; answer: AdPlatforms };
  "ad_accounts.renew_feed": { request: { id: number; revision?: number | null }; answer: FeedAddress };
  "ad_accounts.renew_intake_token": { request: { id: number; revision?: number | null }; answer: IntakeToken };
  "ad_accounts.reseal": { request: Record<string, never>; answer: Resealed };
  "ad_accounts.restore": { request: { id: number; revision?: number | null }; answer: AdAccount };
  "ad_accounts.resume": { request: { id: number }; answer: AccountReport };
  "ad_accounts.standings": { request: Record<string, never>; answer: Standings };
  "ad_accounts.test": { request: { id: number; pixel_id?: number | null; test_code?: string }; answer: AccountTrial };
  "alerts.acknowledge": { request: { id: string }; answer: ShownAlert };
  "alerts.list": { request: { state?: "closed" | "open"; kind?: string; limit?: number; offset?: number }; answer: AlertsPage };
  "alerts.test": { request: Record<string, never>; answer: Tested };
  "campaigns.archive": { request: { id: number; revision?: number | null }; answer: Campaign };
  "campaigns.change": { request: { id: number; revision?: number | null; name?: string; slug?: string; public_id?: string; status?: "active" | "paused"; source_id?: number | null; currency?: string; trafficback_url?: string; rotation?: "position" | "weight"; sticky?: "destination" | "none" | "stream"; sticky_hours?: number; uniqueness?: Uniqueness; secret?: string; click_cookie_days?: number }; answer: Campaign };
  "campaigns.create": { request: { name: string; slug: string; public_id?: string; status?: "active" | "paused"; source_id?: number | null; currency?: string; trafficback_url?: string; rotation?: "position" | "weight"; sticky?: "destination" | "none" | "stream"; sticky_hours?: number; uniqueness?: Uniqueness; secret?: string; click_cookie_days?: number }; answer: Campaign };
  "campaigns.duplicate": { request: { id: number; revision?: number | null; name?: string; slug?: string; public_id?: string; status?: "active" | "paused"; source_id?: number | null; currency?: string; trafficback_url?: string; rotation?: "position" | "weight"; sticky?: "destination" | "none" | "stream"; sticky_hours?: number; uniqueness?: Uniqueness; secret?: string; click_cookie_days?: number }; answer: Campaign };
  "campaigns.get": { request: { id?: number | null; slug?: string | null }; answer: Campaign };
  "campaigns.list": { request: { limit?: number; offset?: number; archived?: boolean; sort?: string; search?: string; owner_id?: number | null; slug?: string; public_id?: string; status?: "active" | "paused"; source_id?: number | null }; answer: CampaignList };
  "campaigns.restore": { request: { id: number; revision?: number | null }; answer: Campaign };
  "campaigns.warnings": { request: { id: number }; answer: Warnings };
  "catalog.at": { request: { revision: number; kind?: "ad_account" | "campaign" | "destination" | "link" | "list" | "network" | "page" | "pixel" | "source" | "stream" | "subscription" | "target" | "template" | "token" | "user" | null; id?: number | null; limit?: number; offset?: number }; answer: At };
  "catalog.history": { request: { limit?: number; before?: number | null }; answer: History };
  "clicks.configuration": { request: { id: string }; answer: ClickConfiguration };
  "clicks.get": { request: { id: string }; answer: ClickRecord };
  "clicks.list": { request: { from?: string; to?: string; timezone?: string; oldest_first?: boolean; tag?: string; campaign_id?: number; stream_id?: number; destination_id?: number; source_id?: number; source_click_id?: string; address?: string; request_id?: string; counted?: boolean; filters?: Record<string, (number | string)[] | { in?: (number | string)[]; not_in?: (number | string)[]; contains?: string[]; not_contains?: string[] }>; limit?: number; offset?: number }; answer: Page };
  "conversions.enter": { request: { network_id?: number; id?: string; report?: boolean; preview?: boolean; click_id?: string; transaction_id?: string; payout?: string | number; currency?: string; status?: string; event_type?: string; event_id?: string; upsell?: string; time?: string }; answer: EntryAnswer };
  "conversions.import": { request: { network_id?: number; id?: string; report?: boolean; preview?: boolean; text: string; partial?: boolean }; answer: EntryAnswer };
  "conversions.list": { request: { from?: string; to?: string; timezone?: string; oldest_first?: boolean; tag?: string; id?: string; click_id?: string; transaction_id?: string; campaign_id?: number; network_id?: number; status?: "chargeback" | "hold" | "lead" | "refund" | "rejected" | "sale" | "trash"; filters?: Record<string, (number | string)[] | { in?: (number | string)[]; not_in?: (number | string)[]; contains?: string[]; not_contains?: string[] }>; limit?: number; offset?: number }; answer: Page };
  "costs.adjust": { request: { from: string; to: string; timezone?: string; currency?: string; campaign_id?: number; filters?: Record<string, (number | string)[] | { in?: (number | string)[]; not_in?: (number | string)[]; contains?: string[]; not_contains?: string[] }>; note?: string; id?: string; preview?: boolean; amount: string | number }; answer: Adjustment };
  "costs.list": { request: { limit?: number; offset?: number }; answer: Adjustments };
  "costs.set": { request: { from: string; to: string; timezone?: string; currency?: string; campaign_id?: number; filters?: Record<string, (number | string)[] | { in?: (number | string)[]; not_in?: (number | string)[]; contains?: string[]; not_contains?: string[] }>; note?: string; id?: string; preview?: boolean; amount?: string | number; per_click?: string | number }; answer: Adjustment };
  "deliveries.cancel": { request: { targets?: string[]; states?: ("cancelled" | "dead" | "delivered" | "pending")[]; campaign_ids?: number[]; conversion_id?: string; reasons?: string[]; from_us?: number | null; to_us?: number | null; ids?: string[]; reason?: string }; answer: Done };
  "deliveries.get": { request: { id: string }; answer: DeliveryWhole };
  "deliveries.list": { request: { targets?: string[]; states?: ("cancelled" | "dead" | "delivered" | "pending")[]; campaign_ids?: number[]; conversion_id?: string; reasons?: string[]; from_us?: number | null; to_us?: number | null; limit?: number; before?: number | null }; answer: DeliveryList };
  "deliveries.queues": { request: Record<string, never>; answer: Queues };
  "deliveries.retry": { request: { targets?: string[]; states?: ("cancelled" | "dead" | "delivered" | "pending")[]; campaign_ids?: number[]; conversion_id?: string; reasons?: string[]; from_us?: number | null; to_us?: number | null; ids?: string[]; hours?: number }; answer: Done };
  "destinations.archive": { request: { id: number; revision?: number | null }; answer: Destination };
  "destinations.caps": { request: { destination_id?: number }; answer: CapsAnswer };
  "destinations.change": { request: { id: number; revision?: number | null; name?: string; url?: string; status?: "active" | "paused"; network_id?: number | null; schedule?: Schedule | null; caps?: Cap[]; alternative_id?: number | null; probe?: Probe | null; exits?: { destination_id: number; weight?: number }[][] }; answer: Destination };
  "destinations.create": { request: { name: string; url: string; status?: "active" | "paused"; network_id?: number | null; schedule?: Schedule | null; caps?: Cap[]; alternative_id?: number | null; probe?: Probe | null; exits?: { destination_id: number; weight?: number }[][] }; answer: Destination };
  "destinations.duplicate": { request: { id: number; revision?: number | null; name?: string; url?: string; status?: "active" | "paused"; network_id?: number | null; schedule?: Schedule | null; caps?: Cap[]; alternative_id?: number | null; probe?: Probe | null; exits?: { destination_id: number; weight?: number }[][] }; answer: Destination };
  "destinations.get": { request: { id: number }; answer: Destination };
  "destinations.health": { request: { destination_id?: number }; answer: HealthAnswer };
  "destinations.health_history": { request: { from?: string; to?: string; timezone?: string; oldest_first?: boolean; tag?: string; destination_id?: number; limit?: number; offset?: number }; answer: Page };
  "destinations.list": { request: { limit?: number; offset?: number; archived?: boolean; sort?: string; search?: string; owner_id?: number | null; status?: "active" | "paused"; network_id?: number | null }; answer: DestinationList };
  "destinations.probe": { request: { id: number }; answer: Health };
  "destinations.restore": { request: { id: number; revision?: number | null }; answer: Destination };
  "doctor.dismiss": { request: { id: string; mute?: boolean }; answer: Dismissed };
  "doctor.list": { request: { network_id?: number; campaign_id?: number; code?: string; muted?: boolean; limit?: number; offset?: number }; answer: Findings };
  "events.get": { request: { id: string }; answer: EventWhole };
  "events.import": { request: { text: string; filtered?: boolean }; answer: Taken };
  "events.list": { request: { from?: string; to?: string; timezone?: string; oldest_first?: boolean; tag?: string; id?: string; network?: string; nw_account_id?: string; traffic_source?: string; pixel_id?: string; campaign_id?: string; session_id?: string; keyword_clicked?: string; ts_click_id?: string; intake?: string; valid?: boolean; invalid_reason?: string; limit?: number; offset?: number }; answer: Page };
  "events.summary": { request: { from?: string; to?: string; timezone?: string; group_by?: "campaign_id" | "day" | "intake" | "invalid_reason" | "network" | "pixel_id" | "traffic_source"; campaign_id?: string; limit?: number; tag?: string }; answer: Summary };
  "exports.clicks": { request: { from?: string; to?: string; timezone?: string; oldest_first?: boolean; tag?: string; campaign_id?: number; stream_id?: number; destination_id?: number; source_id?: number; source_click_id?: string; address?: string; request_id?: string; counted?: boolean; filters?: Record<string, (number | string)[] | { in?: (number | string)[]; not_in?: (number | string)[]; contains?: string[]; not_contains?: string[] }>; format?: "csv" | "json" }; answer: Download };
  "exports.conversions": { request: { from?: string; to?: string; timezone?: string; oldest_first?: boolean; tag?: string; id?: string; click_id?: string; transaction_id?: string; campaign_id?: number; network_id?: number; status?: "chargeback" | "hold" | "lead" | "refund" | "rejected" | "sale" | "trash"; filters?: Record<string, (number | string)[] | { in?: (number | string)[]; not_in?: (number | string)[]; contains?: string[]; not_contains?: string[] }>; format?: "csv" | "json" }; answer: Download };
  "exports.ingestion_errors": { request: { from?: string; to?: string; timezone?: string; oldest_first?: boolean; tag?: string; topic?: string; edge?: number; format?: "csv" | "json" }; answer: Download };
  "exports.postbacks": { request: { from?: string; to?: string; timezone?: string; oldest_first?: boolean; tag?: string; click_id?: string; transaction_id?: string; conversion_id?: string; id?: string; network_id?: number; stage?: "processed" | "received" | "refused"; outcome?: "attributed" | "click_unknown" | "conversion" | "duplicate" | "refused" | "waiting"; reason?: string; text?: string; format?: "csv" | "json" }; answer: Download };
  "exports.report": { request: { from?: string; to?: string; timezone?: string; currency?: string; metrics?: string[]; custom?: Record<string, string>; filters?: Record<string, (number | string)[] | { in?: (number | string)[]; not_in?: (number | string)[]; contains?: string[]; not_contains?: string[] }>; known_until?: string; compare?: boolean; compare_from?: string; compare_to?: string; tag?: string; group_by: string[]; sort?: string; descending?: boolean; format?: "csv" | "json" }; answer: Download };
  "exports.trafficbacks": { request: { from?: string; to?: string; timezone?: string; oldest_first?: boolean; tag?: string; click_id?: string; campaign_id?: number; reason?: string; filters?: Record<string, (number | string)[] | { in?: (number | string)[]; not_in?: (number | string)[]; contains?: string[]; not_contains?: string[] }>; format?: "csv" | "json" }; answer: Download };
  "history.compare": { request: { from: number; to?: number | null; kind?: "ad_account" | "campaign" | "destination" | "link" | "list" | "network" | "page" | "pixel" | "source" | "stream" | "subscription" | "target" | "template" | "token" | "user" | null; id?: number | null; limit?: number; offset?: number }; answer: Comparison };
  "history.list": { request: { kind?: "ad_account" | "campaign" | "destination" | "link" | "list" | "network" | "page" | "pixel" | "source" | "stream" | "subscription" | "target" | "template" | "token" | "user" | null; id?: number | null; author?: string; before?: number | null; limit?: number }; answer: HistoryPage };
  "history.restore": { request: { kind: "ad_account" | "campaign" | "destination" | "link" | "list" | "network" | "page" | "pixel" | "source" | "stream" | "subscription" | "target" | "template" | "token" | "user"; id: number; revision: number; current?: number | null }; answer: Restored };
  "ingestion_errors.list": { request: { from?: string; to?: string; timezone?: string; oldest_first?: boolean; tag?: string; topic?: string; edge?: number; limit?: number; offset?: number }; answer: Page };
  "intakes.list": { request: Record<string, never>; answer: IntakeList };
  "intakes.pause": { request: { name: string }; answer: IntakeReport };
  "intakes.resume": { request: { name: string }; answer: IntakeReport };
  "journal.hold": { request: { edge: number; consumer?: "all" | "conversions" | "publisher" }; answer: HoldAnswer };
  "journal.release": { request: { edge: number; consumer?: "all" | "conversions" | "publisher" }; answer: HoldAnswer };
  "links.archive": { request: { id: number; revision?: number | null }; answer: Link };
  "links.change": { request: { id: number; revision?: number | null; campaign_id?: number; name?: string; token?: string; params?: Record<string, string>; status?: "active" | "paused"; facts_from_query?: boolean }; answer: Link };
  "links.create": { request: { campaign_id: number; name?: string; token?: string; params?: Record<string, string>; status?: "active" | "paused"; facts_from_query?: boolean }; answer: Link };
  "links.duplicate": { request: { id: number; revision?: number | null; campaign_id?: number; name?: string; token?: string; params?: Record<string, string>; status?: "active" | "paused"; facts_from_query?: boolean }; answer: Link };
  "links.get": { request: { id: number }; answer: Link };
  "links.list": { request: { limit?: number; offset?: number; archived?: boolean; sort?: string; search?: string; owner_id?: number | null; token?: string; campaign_id?: number; status?: "active" | "paused" }; answer: LinkList };
  "links.restore": { request: { id: number; revision?: number | null }; answer: Link };
  "lists.append": { request: { id: number; text?: string; uploads?: string[]; revision?: number | null }; answer: NamedList };
  "lists.archive": { request: { id: number; revision?: number | null }; answer: NamedList };
  "lists.change": { request: { id: number; revision?: number | null; name?: string }; answer: NamedList };
  "lists.check": { request: { id: number; value: string }; answer: Checked };
  "lists.create": { request: { name: string; of?: "address" | "mask" | "text" }; answer: NamedList };
  "lists.duplicate": { request: { id: number; revision?: number | null; name?: string }; answer: NamedList };
  "lists.entries": { request: { id: number; limit?: number; offset?: number; search?: string }; answer: ListEntries };
  "lists.get": { request: { id: number }; answer: NamedList };
  "lists.list": { request: { limit?: number; offset?: number; archived?: boolean; sort?: string; search?: string; owner_id?: number | null; of?: "address" | "mask" | "text" }; answer: NamedListList };
  "lists.remove": { request: { id: number; text?: string; uploads?: string[]; revision?: number | null }; answer: NamedList };
  "lists.replace": { request: { id: number; text?: string; uploads?: string[]; revision?: number | null }; answer: NamedList };
  "lists.restore": { request: { id: number; revision?: number | null }; answer: NamedList };
  "lists.upload": { request: { id: number; text: string }; answer: Entries };
  "live.unwatch": { request: { subscription: number }; answer: Unwatched };
  "live.watch": { request: { topics?: ("clicks" | "conversions" | "postbacks" | "system")[]; campaign_id?: number[]; stream_id?: number[]; destination_id?: number[]; source_id?: number[]; network_id?: number[]; after?: number | null }; answer: Watching };
  "me.get": { request: Record<string, never>; answer: Me };
  "network_presets.list": { request: Record<string, never>; answer: NetworkPresets };
  "networks.archive": { request: { id: number; revision?: number | null }; answer: Network };
  "networks.change": { request: { id: number; revision?: number | null; name?: string; slug?: string; secret?: string; secrets?: string[]; template_id?: number | null; status?: "active" | "paused"; currency?: string; allow?: string[]; signature?: "" | "clickbank_ins" | "digistore24" | "hmac_sha256"; reply?: string; status_words?: Record<string, string>; duplicates?: "create" | "edit" | "event_id" | "ignore" | "increment" | "repeat"; duplicates_by_type?: Record<string, "create" | "edit" | "event_id" | "ignore" | "increment" | "repeat">; claim_by?: ("event_type" | "upsell")[]; transitions?: Record<string, string[]>; unknown_click?: "accept" | "wait"; click_wait_hours?: number | null; preset?: string; layout?: "" | "crossroads" | "sedo" | "tonic" }; answer: Network };
  "networks.create": { request: { name: string; slug: string; secret?: string; secrets?: string[]; template_id?: number | null; status?: "active" | "paused"; currency?: string; allow?: string[]; signature?: "" | "clickbank_ins" | "digistore24" | "hmac_sha256"; reply?: string; status_words?: Record<string, string>; duplicates?: "create" | "edit" | "event_id" | "ignore" | "increment" | "repeat"; duplicates_by_type?: Record<string, "create" | "edit" | "event_id" | "ignore" | "increment" | "repeat">; claim_by?: ("event_type" | "upsell")[]; transitions?: Record<string, string[]>; unknown_click?: "accept" | "wait"; click_wait_hours?: number | null; preset?: string; layout?: "" | "crossroads" | "sedo" | "tonic" }; answer: Network };
  "networks.create_from_preset": { request: { preset: string; name?: string; slug?: string; secret?: string; currency?: string }; answer: Network };
  "networks.duplicate": { request: { id: number; revision?: number | null; name?: string; slug?: string; secret?: string; secrets?: string[]; template_id?: number | null; status?: "active" | "paused"; currency?: string; allow?: string[]; signature?: "" | "clickbank_ins" | "digistore24" | "hmac_sha256"; reply?: string; status_words?: Record<string, string>; duplicates?: "create" | "edit" | "event_id" | "ignore" | "increment" | "repeat"; duplicates_by_type?: Record<string, "create" | "edit" | "event_id" | "ignore" | "increment" | "repeat">; claim_by?: ("event_type" | "upsell")[]; transitions?: Record<string, string[]>; unknown_click?: "accept" | "wait"; click_wait_hours?: number | null; preset?: string; layout?: "" | "crossroads" | "sedo" | "tonic" }; answer: Network };
  "networks.get": { request: { id?: number | null; slug?: string | null }; answer: Network };
  "networks.list": { request: { limit?: number; offset?: number; archived?: boolean; sort?: string; search?: string; owner_id?: number | null; slug?: string; status?: "active" | "paused"; template_id?: number | null }; answer: NetworkList };
  "networks.restore": { request: { id: number; revision?: number | null }; answer: Network };
  "networks.unknown_words": { request: { from?: string; to?: string; timezone?: string; id: number }; answer: UnknownWordList };
  "networks.urls": { request: { id: number }; answer: Urls };
  "operations.list": { request: Record<string, never>; answer: Operations };
  "pages.archive": { request: { id: number; revision?: number | null }; answer: CatalogPage };
  "pages.change": { request: { id: number; revision?: number | null; name?: string; slug?: string; body?: string; content_type?: string }; answer: CatalogPage };
  "pages.create": { request: { name: string; slug: string; body: string; content_type?: string }; answer: CatalogPage };
  "pages.duplicate": { request: { id: number; revision?: number | null; name?: string; slug?: string; body?: string; content_type?: string }; answer: CatalogPage };
  "pages.get": { request: { id?: number | null; slug?: string | null }; answer: CatalogPage };
  "pages.list": { request: { limit?: number; offset?: number; archived?: boolean; sort?: string; search?: string; owner_id?: number | null; slug?: string }; answer: PageList };
  "pages.restore": { request: { id: number; revision?: number | null }; answer: CatalogPage };
  "pixels.archive": { request: { id: number; revision?: number | null }; answer: Pixel };
  "pixels.change": { request: { id: number; revision?: number | null; ad_account_id?: number; code?: string; name?: string; status?: "active" | "paused"; source_ids?: number[]; campaign_ids?: number[]; network_ids?: number[]; test_code?: string; statuses?: string[]; types?: string[]; mapping?: EventRow[]; page_url?: string }; answer: Pixel };
  "pixels.create": { request: { ad_account_id: number; code: string; name?: string; status?: "active" | "paused"; source_ids?: number[]; campaign_ids?: number[]; network_ids?: number[]; test_code?: string; statuses?: string[]; types?: string[]; mapping?: EventRow[]; page_url?: string }; answer: Pixel };
  "pixels.duplicate": { request: { id: number; revision?: number | null; ad_account_id?: number; code?: string; name?: string; status?: "active" | "paused"; source_ids?: number[]; campaign_ids?: number[]; network_ids?: number[]; test_code?: string; statuses?: string[]; types?: string[]; mapping?: EventRow[]; page_url?: string }; answer: Pixel };
  "pixels.get": { request: { id: number }; answer: Pixel };
  "pixels.list": { request: { limit?: number; offset?: number; archived?: boolean; sort?: string; search?: string; owner_id?: number | null; ad_account_id?: number; status?: "active" | "paused" }; answer: PixelList };
  "pixels.preview": { request: { conversion_id: string; id?: number | null; values?: Record<string, unknown> }; answer: Preview };
  "pixels.restore": { request: { id: number; revision?: number | null }; answer: Pixel };
  "postbacks.get": { request: { id: string }; answer: PostbackLife };
  "postbacks.list": { request: { from?: string; to?: string; timezone?: string; oldest_first?: boolean; tag?: string; click_id?: string; transaction_id?: string; conversion_id?: string; id?: string; network_id?: number; stage?: "processed" | "received" | "refused"; outcome?: "attributed" | "click_unknown" | "conversion" | "duplicate" | "refused" | "waiting"; reason?: string; text?: string; limit?: number; offset?: number }; answer: Page };
  "postbacks.reprocess_apply": { request: { from?: string; to?: string; timezone?: string; network_id?: number | null; ids?: string[]; text?: string; outcomes?: ("attributed" | "click_unknown" | "conversion" | "duplicate" | "refused" | "waiting")[]; report?: boolean; tag?: string; fingerprint: string }; answer: Reprocessing };
  "postbacks.reprocess_preview": { request: { from?: string; to?: string; timezone?: string; network_id?: number | null; ids?: string[]; text?: string; outcomes?: ("attributed" | "click_unknown" | "conversion" | "duplicate" | "refused" | "waiting")[]; report?: boolean; tag?: string; network?: Record<string, unknown>; template?: Record<string, unknown> }; answer: Reprocessing };
  "postbacks.test": { request: { network_id?: number | null; url?: string; body?: string; content_type?: string; params?: Record<string, string>; network?: Record<string, unknown>; template?: Record<string, unknown> }; answer: InboxTested };
  "rates.import": { request: { text: string }; answer: Stored };
  "rates.list": { request: { from?: string; to?: string; limit?: number; offset?: number }; answer: ShownRates };
  "rates.remove": { request: { before: string; from?: string; to?: string }; answer: Removed };
  "rates.set": { request: { rates: ({ date: string; from: string; to: string; rate: string | number })[] }; answer: Stored };
  "reports.cancel": { request: { id?: number; tag?: string }; answer: Cancelled };
  "reports.overview": { request: { from?: string; to?: string; timezone?: string; currency?: string; metrics?: string[]; custom?: Record<string, string>; filters?: Record<string, (number | string)[] | { in?: (number | string)[]; not_in?: (number | string)[]; contains?: string[]; not_contains?: string[] }>; known_until?: string; compare?: boolean; compare_from?: string; compare_to?: string; tag?: string; campaign_id?: number | null; stream_id?: number | null; destination_id?: number | null; source_id?: number | null; network_id?: number | null; link_id?: number | null }; answer: Overview };
  "reports.query": { request: { from?: string; to?: string; timezone?: string; currency?: string; metrics?: string[]; custom?: Record<string, string>; filters?: Record<string, (number | string)[] | { in?: (number | string)[]; not_in?: (number | string)[]; contains?: string[]; not_contains?: string[] }>; known_until?: string; compare?: boolean; compare_from?: string; compare_to?: string; tag?: string; group_by: string[]; sort?: string; descending?: boolean; limit?: number; offset?: number }; answer: Table };
  "reports.running": { request: Record<string, never>; answer: RunningReports };
  "reports.series": { request: { from?: string; to?: string; timezone?: string; currency?: string; metrics?: string[]; custom?: Record<string, string>; filters?: Record<string, (number | string)[] | { in?: (number | string)[]; not_in?: (number | string)[]; contains?: string[]; not_contains?: string[] }>; known_until?: string; compare?: boolean; compare_from?: string; compare_to?: string; tag?: string; interval?: "day" | "hour" | "minute" | "month" | "week" }; answer: Series };
  "reports.trafficback": { request: { from?: string; to?: string; timezone?: string; currency?: string; metrics?: string[]; custom?: Record<string, string>; filters?: Record<string, (number | string)[] | { in?: (number | string)[]; not_in?: (number | string)[]; contains?: string[]; not_contains?: string[] }>; known_until?: string; compare?: boolean; compare_from?: string; compare_to?: string; tag?: string; group_by?: string[]; sort?: string; descending?: boolean; limit?: number; offset?: number }; answer: Table };
  "routing.explain": { request: { click_id: string }; answer: Explanation };
  "routing.reload": { request: Record<string, never>; answer: Reloaded };
  "routing.replay": { request: { campaign_id?: number | null; clicks?: number; changes?: ({ kind: "campaign" | "destination" | "link" | "source" | "stream"; deed?: "archive" | "change" | "create"; id?: number | null; values?: Record<string, unknown> })[] }; answer: Replay };
  "routing.simulate": { request: { url?: string; campaign_id?: number | null; query?: string; page?: string; exits?: number[]; method?: "GET" | "HEAD"; address?: string; user_agent?: string; referrer?: string; language?: string; headers?: Record<string, string>; facts?: Record<string, string>; time?: string; cookie?: string; closed?: { destination_id: number; reason?: string }[] | null; shown?: number[]; draw?: number | null; clicks?: number; seed?: number; vary?: Record<string, string[]>; changes?: ({ kind: "campaign" | "destination" | "link" | "source" | "stream"; deed?: "archive" | "change" | "create"; id?: number | null; values?: Record<string, unknown> })[] }; answer: Simulation };
  "routing.stats": { request: Record<string, never>; answer: RoutingStats };
  "session.claim": { request: { token: string; email: string }; answer: SignedIn };
  "session.local": { request: Record<string, never>; answer: LocalSession };
  "session.renew": { request: Record<string, never>; answer: SignedIn };
  "session.request_code": { request: { email: string }; answer: CodeSent };
  "session.sign_in": { request: { email: string; code: string }; answer: SignedIn };
  "session.sign_out": { request: { everywhere?: boolean }; answer: SignedOut };
  "sessions.list": { request: { user_id?: number | null; limit?: number; offset?: number }; answer: SessionList };
  "sessions.revoke": { request: { id: string }; answer: SignedOut };
  "sources.archive": { request: { id: number; revision?: number | null }; answer: Source };
  "sources.change": { request: { id: number; revision?: number | null; name?: string; currency?: string; params?: Record<string, string>; cost_model?: CostModel; transparent?: Transparent | null; secret?: string; preset?: string }; answer: Source };
  "sources.create": { request: { name: string; currency?: string; params?: Record<string, string>; cost_model?: CostModel; transparent?: Transparent | null; secret?: string; preset?: string }; answer: Source };
  "sources.create_from_preset": { request: { preset: string; name?: string; currency?: string }; answer: Source };
  "sources.duplicate": { request: { id: number; revision?: number | null; name?: string; currency?: string; params?: Record<string, string>; cost_model?: CostModel; transparent?: Transparent | null; secret?: string; preset?: string }; answer: Source };
  "sources.get": { request: { id: number }; answer: Source };
  "sources.list": { request: { limit?: number; offset?: number; archived?: boolean; sort?: string; search?: string; owner_id?: number | null; name?: string }; answer: SourceList };
  "sources.presets": { request: Record<string, never>; answer: Presets };
  "sources.restore": { request: { id: number; revision?: number | null }; answer: Source };
  "sources.unexpanded": { request: { source_id?: number | null }; answer: UnexpandedList };
  "streams.archive": { request: { id: number; revision?: number | null }; answer: Stream };
  "streams.change": { request: { id: number; revision?: number | null; campaign_id?: number; name?: string; position?: number; status?: "active" | "paused"; rules?: Rule[]; targets?: { destination_id: number; weight?: number }[]; kind?: "default" | "forced" | "regular"; weight?: number; distribution?: Distribution; unique_policy?: UniquePolicy | null; answer?: Answer; trafficback_url?: string }; answer: Stream };
  "streams.create": { request: { campaign_id: number; name?: string; position?: number; status?: "active" | "paused"; rules?: Rule[]; targets?: { destination_id: number; weight?: number }[]; kind?: "default" | "forced" | "regular"; weight?: number; distribution?: Distribution; unique_policy?: UniquePolicy | null; answer?: Answer; trafficback_url?: string }; answer: Stream };
  "streams.duplicate": { request: { id: number; revision?: number | null; campaign_id?: number; name?: string; position?: number; status?: "active" | "paused"; rules?: Rule[]; targets?: { destination_id: number; weight?: number }[]; kind?: "default" | "forced" | "regular"; weight?: number; distribution?: Distribution; unique_policy?: UniquePolicy | null; answer?: Answer; trafficback_url?: string }; answer: Stream };
  "streams.get": { request: { id: number }; answer: Stream };
  "streams.list": { request: { limit?: number; offset?: number; archived?: boolean; sort?: string; search?: string; owner_id?: number | null; campaign_id?: number; status?: "active" | "paused" }; answer: StreamList };
  "streams.restore": { request: { id: number; revision?: number | null }; answer: Stream };
  "subscription_filter.off": { request: Record<string, never>; answer: SubscriptionFilter };
  "subscription_filter.on": { request: Record<string, never>; answer: SubscriptionFilter };
  "subscriptions.archive": { request: { id: number; revision?: number | null }; answer: Subscription };
  "subscriptions.change": { request: { id: number; revision?: number | null; campaign_id?: string; name?: string; network?: string; account?: string; traffic_source?: string; status?: "active" | "paused" }; answer: Subscription };
  "subscriptions.create": { request: { campaign_id: string; name?: string; network?: string; account?: string; traffic_source?: string; status?: "active" | "paused" }; answer: Subscription };
  "subscriptions.duplicate": { request: { id: number; revision?: number | null; campaign_id?: string; name?: string; network?: string; account?: string; traffic_source?: string; status?: "active" | "paused" }; answer: Subscription };
  "subscriptions.get": { request: { id: number }; answer: Subscription };
  "subscriptions.list": { request: { limit?: number; offset?: number; archived?: boolean; sort?: string; search?: string; owner_id?: number | null; campaign_id?: string; network?: string; account?: string; traffic_source?: string; status?: "active" | "paused" }; answer: SubscriptionList };
  "subscriptions.restore": { request: { id: number; revision?: number | null }; answer: Subscription };
  "system.about": { request: Record<string, never>; answer: About };
  "system.event_producers": { request: Record<string, never>; answer: Producers };
  "system.status": { request: Record<string, never>; answer: SystemStatus };
  "targets.archive": { request: { id: number; revision?: number | null }; answer: PostbackTarget };
  "targets.change": { request: { id: number; revision?: number | null; name?: string; url?: string; status?: "active" | "paused"; source_id?: number | null; campaign_ids?: number[]; network_ids?: number[]; method?: "GET" | "POST"; body?: string; headers?: Record<string, string>; statuses?: string[]; types?: string[]; min_payout?: string; max_payout?: string; share?: number; payout_scale?: number; on?: "created" | "payout" | "status"; secret?: string; deadline_hours?: number }; answer: PostbackTarget };
  "targets.create": { request: { name: string; url: string; status?: "active" | "paused"; source_id?: number | null; campaign_ids?: number[]; network_ids?: number[]; method?: "GET" | "POST"; body?: string; headers?: Record<string, string>; statuses?: string[]; types?: string[]; min_payout?: string; max_payout?: string; share?: number; payout_scale?: number; on?: "created" | "payout" | "status"; secret?: string; deadline_hours?: number }; answer: PostbackTarget };
  "targets.create_from_preset": { request: { preset?: string; values?: Record<string, string>; source_id?: number | null; name?: string }; answer: PostbackTarget };
  "targets.duplicate": { request: { id: number; revision?: number | null; name?: string; url?: string; status?: "active" | "paused"; source_id?: number | null; campaign_ids?: number[]; network_ids?: number[]; method?: "GET" | "POST"; body?: string; headers?: Record<string, string>; statuses?: string[]; types?: string[]; min_payout?: string; max_payout?: string; share?: number; payout_scale?: number; on?: "created" | "payout" | "status"; secret?: string; deadline_hours?: number }; answer: PostbackTarget };
  "targets.get": { request: { id: number }; answer: PostbackTarget };
  "targets.list": { request: { limit?: number; offset?: number; archived?: boolean; sort?: string; search?: string; owner_id?: number | null; status?: "active" | "paused"; source_id?: number | null }; answer: PostbackTargetList };
  "targets.macros": { request: Record<string, never>; answer: Macros };
  "targets.presets": { request: Record<string, never>; answer: TargetsPresets };
  "targets.restore": { request: { id: number; revision?: number | null }; answer: PostbackTarget };
  "targets.test": { request: { id?: number | null; values?: Record<string, unknown>; conversion?: Record<string, string>; send?: boolean }; answer: TargetTrial };
  "templates.archive": { request: { id: number; revision?: number | null }; answer: Template };
  "templates.change": { request: { id: number; revision?: number | null; name?: string; mapping?: Record<string, string[]> }; answer: Template };
  "templates.create": { request: { name: string; mapping?: Record<string, string[]> }; answer: Template };
  "templates.create_from_profile": { request: { profile: string; name?: string }; answer: Template };
  "templates.duplicate": { request: { id: number; revision?: number | null; name?: string; mapping?: Record<string, string[]> }; answer: Template };
  "templates.get": { request: { id: number }; answer: Template };
  "templates.list": { request: { limit?: number; offset?: number; archived?: boolean; sort?: string; search?: string; owner_id?: number | null; name?: string }; answer: TemplateList };
  "templates.profiles": { request: Record<string, never>; answer: Profiles };
  "templates.restore": { request: { id: number; revision?: number | null }; answer: Template };
  "tokens.archive": { request: { id: number; revision?: number | null }; answer: TokenShown };
  "tokens.change": { request: { id: number; revision?: number | null; name?: string; scopes?: string[]; expires_at?: string }; answer: TokenShown };
  "tokens.create": { request: { name: string; scopes: string[]; expires_at?: string; user_id?: number | null }; answer: TokenCreated };
  "tokens.get": { request: { id: number }; answer: TokenShown };
  "tokens.list": { request: { limit?: number; offset?: number; archived?: boolean; sort?: string; search?: string; owner_id?: number | null; user_id?: number }; answer: TokenList };
  "trafficbacks.list": { request: { from?: string; to?: string; timezone?: string; oldest_first?: boolean; tag?: string; click_id?: string; campaign_id?: number; reason?: string; filters?: Record<string, (number | string)[] | { in?: (number | string)[]; not_in?: (number | string)[]; contains?: string[]; not_contains?: string[] }>; limit?: number; offset?: number }; answer: Page };
  "users.approve": { request: { id: number; role?: "administrator" | "buyer" | "viewer"; campaigns?: number[]; sees_money?: boolean; every_campaign?: boolean; revision?: number | null }; answer: User };
  "users.archive": { request: { id: number; revision?: number | null }; answer: User };
  "users.change": { request: { id: number; revision?: number | null; email?: string; name?: string; role?: "administrator" | "buyer" | "viewer"; status?: "active" | "blocked" | "pending_approval"; campaigns?: number[]; sees_money?: boolean; every_campaign?: boolean }; answer: User };
  "users.create": { request: { email: string; name?: string; role?: "administrator" | "buyer" | "viewer"; status?: "active" | "blocked" | "pending_approval"; campaigns?: number[]; sees_money?: boolean; every_campaign?: boolean }; answer: User };
  "users.get": { request: { id: number }; answer: User };
  "users.list": { request: { limit?: number; offset?: number; archived?: boolean; sort?: string; search?: string; owner_id?: number | null; email?: string; role?: "administrator" | "buyer" | "viewer"; status?: "active" | "blocked" | "pending_approval" }; answer: UserList };
  "users.restore": { request: { id: number; revision?: number | null }; answer: User };
  "warehouse.attach": { request: Record<string, never>; answer: WarehouseReport };
  "warehouse.detach": { request: { seconds?: number }; answer: WarehouseReport };
}

export type Name = keyof Api;

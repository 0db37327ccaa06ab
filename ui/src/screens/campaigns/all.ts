/** Every campaign, page by page; a change is put in place without reading all again. */

import { useEffect, useState } from "preact/hooks";
import type { Campaign } from "../../api";
import { call, rpc } from "../../live";

const PAGE = 1000;
/** Beyond 100,000 nobody looks through a list. */
const PAGES = 100;

export function useCampaigns(): { value: readonly Campaign[] | undefined; put: (campaign: Campaign) => void } {
  const [value, setValue] = useState<readonly Campaign[]>();
  const opened = rpc.opened.value;
  useEffect(() => {
    let wanted = true;
    void read(() => wanted).then((all) => wanted && all && setValue(all));
    return () => void (wanted = false);
  }, [opened]);
  const put = (campaign: Campaign): void =>
    setValue((before) => before?.map((each) => (each.id === campaign.id ? campaign : each)));
  return { value, put };
}

async function read(wanted: () => boolean): Promise<readonly Campaign[] | undefined> {
  const all: Campaign[] = [];
  try {
    for (let page = 0; page < PAGES && wanted(); page += 1) {
      const answer = await call("campaigns.list", { limit: PAGE, offset: page * PAGE });
      all.push(...(answer.items as Campaign[]));
      if (all.length >= answer.total || !answer.items.length) break;
    }
    return all;
  } catch {
    return undefined; // lost: read again when the socket is back
  }
}

"""User agents as browsers, apps and robots send them, and what each tells. Device brands are ua-parser's."""

from __future__ import annotations

AGENTS: list[tuple[str, dict[str, str]]] = [
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130."
        "0.0.0 Safari/537.36",
        {"browser": "Chrome", "browser_version": "130", "os": "Windows", "os_version": "10",
         "device_type": "desktop", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Windows NT 6.3; Trident/7.0; rv:11.0) like Gecko",
        {"browser": "IE", "browser_version": "11", "os": "Windows", "os_version": "8.1",
         "device_type": "desktop", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Ver"
        "sion/17.5 Safari/605.1.15",
        {"browser": "Safari", "browser_version": "17.5", "os": "macOS", "os_version": "10.15",
         "device_brand": "Apple", "device_model": "Mac", "device_type": "desktop", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like G"
        "ecko) Version/17.5 Mobile/15E148 Safari/604.1",
        {"browser": "Safari", "browser_version": "17.5", "os": "iOS", "os_version": "17.5",
         "device_brand": "Apple", "device_model": "iPhone", "device_type": "mobile", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gec"
        "ko) CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1",
        {"browser": "Chrome", "browser_version": "126", "os": "iOS", "os_version": "17.5",
         "device_brand": "Apple", "device_model": "iPhone", "device_type": "mobile", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Versi"
        "on/16.6 Mobile/15E148 Safari/604.1",
        {"browser": "Safari", "browser_version": "16.6", "os": "iOS", "os_version": "16.6",
         "device_brand": "Apple", "device_model": "iPad", "device_type": "tablet", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 M"
        "obile Safari/537.36",
        {"browser": "Chrome", "browser_version": "130", "os": "Android", "os_version": "10",
         "device_type": "mobile", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Linux; Android 13; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrow"
        "ser/24.0 Chrome/117.0.0.0 Mobile Safari/537.36",
        {"browser": "Samsung Internet", "browser_version": "24", "os": "Android", "os_version": "13",
         "device_brand": "Samsung", "device_model": "SM-S918B", "device_type": "mobile", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Linux; Android 12; SM-T870) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0"
        ".0.0 Safari/537.36",
        {"browser": "Chrome", "browser_version": "119", "os": "Android", "os_version": "12",
         "device_brand": "Samsung", "device_model": "SM-T870", "device_type": "tablet", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Linux; Android 11; Redmi Note 8 Pro Build/RP1A.200720.011; wv) AppleWebKit/537."
        "36 (KHTML, like Gecko) Version/4.0 Chrome/110.0.5481.65 Mobile Safari/537.36 [FB_IAB/FB4A;FB"
        "AV/401.0.0.0.1;]",
        {"browser": "Facebook", "browser_version": "401", "os": "Android", "os_version": "11",
         "device_brand": "Xiaomi", "device_model": "Redmi Note 8 Pro", "device_type": "mobile",
         "bot": "0"},
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 16_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gec"
        "ko) Mobile/15E148 Instagram 289.0.0.18.109 (iPhone14,5; iOS 16_5; en_US; en; scale=3.00; 117"
        "0x2532; 489720145)",
        {"browser": "Instagram", "browser_version": "289", "os": "iOS", "os_version": "16.5",
         "device_brand": "Apple", "device_model": "iPhone14,5", "device_type": "mobile", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0",
        {"browser": "Firefox", "browser_version": "131", "os": "Ubuntu", "device_type": "desktop",
         "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Android 14; Mobile; rv:131.0) Gecko/131.0 Firefox/131.0",
        {"browser": "Firefox", "browser_version": "131", "os": "Android", "os_version": "14",
         "device_type": "mobile", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0"
        ".0.0 Safari/537.36",
        {"browser": "Chrome", "browser_version": "129", "os": "Chrome OS", "os_version": "14541",
         "device_type": "desktop", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130."
        "0.0.0 Safari/537.36 Edg/130.0.0.0",
        {"browser": "Edge", "browser_version": "130", "os": "Windows", "os_version": "10",
         "device_type": "desktop", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128."
        "0.0.0 Safari/537.36 OPR/114.0.0.0",
        {"browser": "Opera", "browser_version": "114", "os": "Windows", "os_version": "10",
         "device_type": "desktop", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128."
        "0.0.0 YaBrowser/24.10.0.0 Safari/537.36",
        {"browser": "Yandex Browser", "browser_version": "24.10", "os": "Windows", "os_version": "10",
         "device_type": "desktop", "bot": "0"},
    ),
    (
        "Opera/9.80 (Android; Opera Mini/36.2.2254/119.132; U; id) Presto/2.12.423 Version/12.16",
        {"browser": "Opera Mini", "browser_version": "36.2", "os": "Android", "device_type": "mobile",
         "bot": "0"},
    ),
    (
        "Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) 76.0.3809.14"
        "6/6.0 TV Safari/537.36",
        {"browser": "Safari", "os": "Tizen", "os_version": "6", "device_brand": "Samsung",
         "device_model": "SMART-TV", "device_type": "tv", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4606.1"
        "28 Safari/537.36 WebAppManager",
        {"browser": "Chrome", "browser_version": "94", "os": "Web0S", "device_brand": "LG",
         "device_model": "Web0S SmartTV", "device_type": "tv", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Linux; Android 9; AFTMM Build/PS7233; wv) AppleWebKit/537.36 (KHTML, like Gecko"
        ") Version/4.0 Chrome/70.0.3538.110 Mobile Safari/537.36",
        {"browser": "Chrome WebView", "browser_version": "70", "os": "Android", "os_version": "9",
         "device_brand": "Amazon", "device_model": "AFTMM", "device_type": "tv", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (PlayStation; PlayStation 5/6.00) AppleWebKit/605.1.15 (KHTML, like Gecko) Versi"
        "on/15.4 Safari/605.1.15",
        {"browser": "Safari", "browser_version": "15.4", "device_brand": "Sony",
         "device_model": "PlayStation 5", "device_type": "console", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) AppleWebKit/537.36 (KHTML, like Ge"
        "cko) Chrome/44.0.2403.157 Safari/537.36 Edge/12.10576",
        {"browser": "Edge", "browser_version": "12.10576", "os": "Windows", "os_version": "10",
         "device_type": "console", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Linux; Android 7.1.2; KFMAWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/108.4"
        ".6 like Chrome/108.0.5359.160 Safari/537.36",
        {"browser": "Amazon Silk", "browser_version": "108.4", "os": "Android", "os_version": "7.1",
         "device_brand": "Amazon", "device_model": "Kindle", "device_type": "tablet", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        {"browser": "Googlebot", "browser_version": "2.1", "bot": "1"},
    ),
    (
        "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Ge"
        "cko) Chrome/130.0.6723.58 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.googl"
        "e.com/bot.html)",
        {"browser": "Googlebot", "browser_version": "2.1", "os": "Android", "os_version": "6",
         "device_type": "mobile", "bot": "1"},
    ),
    (
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        {"browser": "FacebookBot", "browser_version": "1.1", "bot": "1"},
    ),
    (
        "Mozilla/5.0 (Linux; Android 8.1.0; CUBOT_X18_Plus) AppleWebKit/537.36 (KHTML, like Gecko) Ch"
        "rome/96.0.4664.45 Mobile Safari/537.36",
        {"browser": "Chrome", "browser_version": "96", "os": "Android", "os_version": "8.1",
         "device_brand": "Cubot", "device_model": "CUBOT_X18_Plus", "device_type": "mobile", "bot": "0"},
    ),
    (
        "curl/8.5.0",
        {"browser": "curl", "browser_version": "8.5", "bot": "1"},
    ),
    (
        "python-requests/2.32.3",
        {"browser": "Python Requests", "browser_version": "2.32", "bot": "1"},
    ),
    (
        "okhttp/4.12.0",
        {"browser": "okhttp", "browser_version": "4.12", "bot": "1"},
    ),
    (
        "Go-http-client/1.1",
        {"browser": "Go-http-client", "browser_version": "1.1", "bot": "1"},
    ),
    (
        "Mozilla/5.0 (Mobile; LYF/F300B/LYF-F300B-001-01-15-130718-i;Android; rv:48.0) Gecko/48.0 Fir"
        "efox/48.0 KAIOS/2.5",
        {"browser": "Firefox", "browser_version": "48", "os": "KaiOS", "os_version": "2.5",
         "device_brand": "LYF", "device_model": "F300B", "device_type": "mobile", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Linux; Android 14; en-us; Infinix X6833B) AppleWebKit/537.36 (KHTML, like Gecko"
        ") Version/4.0 Chrome/109.0.5414.118 Mobile Safari/537.36 XiaoMi/MiuiBrowser/14.4.0-g",
        {"browser": "MiuiBrowser", "browser_version": "14.4", "os": "Android", "os_version": "14",
         "device_brand": "Infinix", "device_model": "X6833B", "device_type": "mobile", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Linux; U; Android 13; en-US; RMX3511 Build/TP1A.220905.001) AppleWebKit/537.36 "
        "(KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.58 UCBrowser/13.4.2.1307 Mobile Safari/537"
        ".36",
        {"browser": "UC Browser", "browser_version": "13.4", "os": "Android", "os_version": "13",
         "device_brand": "Oppo", "device_model": "RMX3511", "device_type": "mobile", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Linux; Android 12; 2201117TY Build/SKQ1.211103.001; wv) AppleWebKit/537.36 (KHT"
        "ML, like Gecko) Version/4.0 Chrome/112.0.5615.136 Mobile Safari/537.36 trill_2022901030 JsSd"
        "k/1.0 NetType/WIFI Channel/googleplay AppName/musical_ly app_version/29.1.3 ByteLocale/en",
        {"browser": "TikTok", "browser_version": "29.1", "os": "Android", "os_version": "12",
         "device_model": "2201117TY", "device_type": "mobile", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/130.0."
        "0.0 Safari/537.36",
        {"browser": "HeadlessChrome", "browser_version": "130", "os": "Linux", "device_type": "desktop",
         "bot": "1"},
    ),
    (
        "Mozilla/5.0 (Windows NT 5.1; rv:52.0) Gecko/20100101 Firefox/52.0",
        {"browser": "Firefox", "browser_version": "52", "os": "Windows", "os_version": "XP",
         "device_type": "desktop", "bot": "0"},
    ),
    (
        "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; Tablet PC 2.0)",
        {"browser": "IE", "browser_version": "8", "os": "Windows", "os_version": "7",
         "device_type": "desktop", "bot": "0"},
    ),
    (
        "",
        {"bot": "1"},
    ),
    (
        "Completely unknown thing/1.0",
        {"bot": "0"},
    ),
]  # fmt: skip

HINTED: list[tuple[str, dict[bytes, bytes], dict[str, str]]] = [
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130."
        "0.0.0 Safari/537.36",
        {
            b'sec-ch-ua': b'"Chromium";v="130", "Google Chrome";v="130", "Not?A_Brand";v="99"',
            b'sec-ch-ua-mobile': b'?0',
            b'sec-ch-ua-platform': b'"Windows"',
        },
        {"browser": "Chrome", "os": "Windows", "os_version": "10", "browser_version": "130",
         "device_type": "desktop", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130."
        "0.0.0 Safari/537.36",
        {
            b'sec-ch-ua': b'"Chromium";v="130", "Google Chrome";v="130", "Not?A_Brand";v="99"',
            b'sec-ch-ua-mobile': b'?0',
            b'sec-ch-ua-platform': b'"Windows"',
            b'sec-ch-ua-platform-version': b'"15.0.0"',
            b'sec-ch-ua-full-version-list': b'"Chromium";v="130.0.6723.92", '
                b'"Google Chrome";v="130.0.6723.92", "Not?A_Brand";v="99.0.0.0"',
        },
        {"browser": "Chrome", "os": "Windows", "os_version": "11", "browser_version": "130",
         "device_type": "desktop", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130."
        "0.0.0 Safari/537.36",
        {
            b'sec-ch-ua': b'"Chromium";v="130", "Google Chrome";v="130", "Not?A_Brand";v="99"',
            b'sec-ch-ua-platform': b'"Windows"',
            b'sec-ch-ua-platform-version': b'"10.0.0"',
        },
        {"browser": "Chrome", "os": "Windows", "os_version": "10", "browser_version": "130",
         "device_type": "desktop", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 M"
        "obile Safari/537.36",
        {
            b'sec-ch-ua': b'"Chromium";v="130", "Google Chrome";v="130", "Not?A_Brand";v="99"',
            b'sec-ch-ua-mobile': b'?1',
            b'sec-ch-ua-platform': b'"Android"',
            b'sec-ch-ua-platform-version': b'"14.0.0"',
            b'sec-ch-ua-model': b'"Pixel 8 Pro"',
        },
        {"browser": "Chrome", "os": "Android", "os_version": "14", "device_brand": "Google",
         "device_model": "Pixel 8 Pro", "browser_version": "130", "device_type": "mobile", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 M"
        "obile Safari/537.36",
        {
            b'sec-ch-ua': b'"Chromium";v="130", "Google Chrome";v="130", "Not?A_Brand";v="99"',
            b'sec-ch-ua-mobile': b'?1',
            b'sec-ch-ua-platform': b'"Android"',
            b'sec-ch-ua-platform-version': b'"13.0.0"',
            b'sec-ch-ua-model': b'"SM-S918B"',
        },
        {"browser": "Chrome", "os": "Android", "os_version": "13", "device_brand": "Samsung",
         "device_model": "SM-S918B", "browser_version": "130", "device_type": "mobile", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130."
        "0.0.0 Safari/537.36",
        {
            b'sec-ch-ua': b'"Not A;Brand";v="8", "Chromium";v="130", "Brave";v="130"',
            b'sec-ch-ua-mobile': b'?0',
            b'sec-ch-ua-platform': b'"Windows"',
        },
        {"browser": "Brave", "os": "Windows", "os_version": "10", "browser_version": "130",
         "device_type": "desktop", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130."
        "0.0.0 Safari/537.36",
        {
            b'sec-ch-ua': b'"Chromium";v="130", "Not?A_Brand";v="99"',
            b'sec-ch-ua-mobile': b'?0',
            b'sec-ch-ua-platform': b'"Linux"',
        },
        {"browser": "Chromium", "os": "Linux", "browser_version": "130", "device_type": "desktop",
         "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrom"
        "e/130.0.0.0 Safari/537.36",
        {
            b'sec-ch-ua': b'"Chromium";v="130", "Google Chrome";v="130", "Not?A_Brand";v="99"',
            b'sec-ch-ua-mobile': b'?0',
            b'sec-ch-ua-platform': b'"macOS"',
            b'sec-ch-ua-platform-version': b'"14.6.1"',
        },
        {"browser": "Chrome", "os": "macOS", "os_version": "14.6", "device_brand": "Apple",
         "device_model": "Mac", "browser_version": "130", "device_type": "desktop", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Linux; Android 12; 2201117TY Build/SKQ1.211103.001; wv) AppleWebKit/537.36 (KHT"
        "ML, like Gecko) Version/4.0 Chrome/112.0.5615.136 Mobile Safari/537.36 trill_2022901030 JsSd"
        "k/1.0 AppName/musical_ly app_version/29.1.3",
        {
            b'sec-ch-ua': b'"Android WebView";v="112", "Chromium";v="112"',
            b'sec-ch-ua-mobile': b'?1',
            b'sec-ch-ua-platform': b'"Android"',
        },
        {"browser": "TikTok", "browser_version": "29.1", "os": "Android", "os_version": "12",
         "device_model": "2201117TY", "device_type": "mobile", "bot": "0"},
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130."
        "0.0.0 Safari/537.36",
        {
            b'sec-ch-ua': b'""";;;"x";v=',
            b'sec-ch-ua-mobile': b'?7',
            b'sec-ch-ua-platform': b'"Unknown"',
            b'sec-ch-ua-platform-version': b'"x.y"',
        },
        {"browser": "Chrome", "browser_version": "130", "os": "Windows", "os_version": "10",
         "device_type": "desktop", "bot": "0"},
    ),
]  # fmt: skip

// Japanese texts for the cards of the models that ship with nitakao, by model and field.

const MTCNN = "MTCNN（最小20 px）を含む全工程で測定";
const CALIBRATION =
  `LFWのフォールド1～5と、写真が10枚以上ある人物。${MTCNN}。` +
  "同一人物13,200組、別人998,020組。誤一致率は別人13,016,591組から算出";
const FACENET_PAPER =
  "FaceNetの論文（Schroffほか、2015年）5.6節。LFWでの二乗距離1.242。論文のネットワークの値で、このモデルの値ではありません";
const FACENET_LICENCE = "記載なし。davidsandberg/facenetのコードはMIT";
const FACENET_PYTORCH_LICENCE = "記載なし。davidsandberg/facenetとfacenet-pytorchのコードはMIT";
const FACENET_PYTORCH_ORIGIN =
  "https://github.com/davidsandberg/facenet（https://github.com/timesler/facenet-pytorchのリリースv2.2.9で変換）";
const UNTESTED = "カードの作成時に重みを入手できず、未検証です。";

const byHand = (name: string, accuracy: string): string =>
  `公開元によるLFWの精度${accuracy}は、nitakaoでは測定していません。手動で入手してください。「nitakao models import ${name}」で、` +
  ".metaと.ckptのフォルダーまたは.pbファイルを変換できます。";

export const cardsJa: Record<string, Record<string, string>> = {
  "dlib-resnet": {
    title: "dlibの顔認識ResNet（畳み込み29層、128次元）",
    threshold_source: `LFWのフォールド1～5で最良の値。${MTCNN}。精度98.80%`,
    calibration: CALIBRATION,
    weights_licence: "CC0 1.0（パブリックドメイン）。重みの作者（davisking/dlib-models）による",
    data_licence:
      "FaceScrub、VGG Face、作者がインターネットから集めた多数の写真。7,485人の顔約300万件。写真のライセンスは記載なし",
    origin: "https://github.com/davisking/dlib-models",
    note: "検証用のベクトルはdlib 20.0.1で作成しました。",
  },
  "dlib-taguchi": {
    title: "田口徳治氏によるdlib ResNetの重み。主に日本人の顔で学習（128次元）",
    threshold_source: "公表値。LFWで0.6のとき98.95%、最良は0.614（TaguchiModels/dlibModelsのREADME）",
    weights_licence: "MIT（TaguchiModels/dlibModels）。CC0 1.0のdavisking/dlib-modelsにも収録",
    data_licence:
      "名称が明記されていない複数の公開データセットと、インターネット上の写真。16,000人以上の顔650万件、約47%が日本人。写真のライセンスは記載なし",
    origin: "https://github.com/TaguchiModels/dlibModels",
    note: `${UNTESTED}確実なハッシュがないため、初回使用時のハッシュを記録します。アフリカ系の人、18歳未満の人、マスクを着けた人では精度が低いと作者が注意しています。`,
  },
  "facenet-20170511-casia": {
    title: "FaceNet。Inception-ResNet-v1をCASIA-WebFaceで学習（128次元、20170511-185253）",
    threshold_source: FACENET_PAPER,
    weights_licence: FACENET_LICENCE,
    data_licence: "CASIA-WebFace。研究・教育目的で公開",
    origin: "https://github.com/davidsandberg/facenet",
    note: byHand("20170511-185253", "98.7%"),
  },
  "facenet-20170512-msceleb": {
    title: "FaceNet。Inception-ResNet-v1をMS-Celeb-1Mで学習（128次元、20170512-110547）",
    threshold_source: FACENET_PAPER,
    weights_licence: FACENET_LICENCE,
    data_licence: "MS-Celeb-1M。非商用の研究目的に限って公開",
    origin: "https://github.com/davidsandberg/facenet",
    note: byHand("20170512-110547", "99.2%"),
  },
  "facenet-casia": {
    title: "FaceNet。Inception-ResNet-v1をCASIA-WebFaceで学習（512次元、20180408-102900）",
    threshold_source: FACENET_PAPER,
    weights_licence: FACENET_PYTORCH_LICENCE,
    data_licence: "CASIA-WebFace。研究・教育目的で公開",
    origin: FACENET_PYTORCH_ORIGIN,
    note: `${UNTESTED}確実なハッシュがないため、テンソルの名前と形を検査し、初回使用時のハッシュを記録します。`,
  },
  "facenet-vggface2": {
    title: "FaceNet。Inception-ResNet-v1をVGGFace2で学習（512次元、20180402-114759）",
    threshold_source: `LFWのフォールド1～5で最良の値。${MTCNN}。精度99.40%`,
    calibration: CALIBRATION,
    weights_licence: FACENET_PYTORCH_LICENCE,
    data_licence: "VGGFace2。インターネットから集めた330万枚の写真。研究用",
    origin: FACENET_PYTORCH_ORIGIN,
    note: "公開元はハッシュを公表していません。1つ目のハッシュは複数の公開プロジェクトに記録されたもの、2つ目は分類層を除いた同じ重みのものです。それ以外のファイルはテンソルと検証用のベクトルで判定し、初回使用時のハッシュを記録します。検証用のベクトルはPyTorch 2.13.0とfacenet-pytorch 2.6.0で作成しました。",
  },
  "openface-nn4-small2": {
    title: "OpenFaceのnn4.small2.v1（128次元）",
    threshold_source:
      "OpenFaceによるLFWでの測定（独自の位置合わせ）。二乗距離0.99で92.92%。nitakaoでは測定していません",
    weights_licence: "Apache-2.0（cmusatyalab/openfaceのmodels/get-models.sh）",
    data_licence: "FaceScrubとCASIA-WebFace。インターネットから集めた写真。研究用",
    origin: "https://github.com/cmusatyalab/openface",
    note: "ネットワークと読み込みは、乱数の重みを使ってPyTorchと照合しました。公開ファイルは入手できず、測定も検証用のベクトルもありません。公開元はmd5（c95bfd8cc1adf05210e979ff623013b6）だけを公表しているため、初回使用時のsha256を記録します。OpenFaceは目尻と鼻の下端をアフィン変換で平均顔に合わせますが、nitakaoは両目の中心、鼻先、口角を相似変換で合わせるため、切り出しが少し異なり、横顔ではさらに異なります。しきい値は改めて測定してください。",
  },
  sface: {
    title: "OpenCV Model ZooのSFace（128次元、コサイン）",
    threshold_source:
      "公表値。OpenCVのチュートリアルはコサイン類似度0.363（LFWで最良、99.60%）を使用。距離は1からこの値を引いたもの",
    weights_licence: "Apache-2.0（OpenCV Zoo）",
    data_licence:
      "公開元の記載なし。論文（Zhongほか、2021年）はCASIA-WebFace、VGGFace2、MS-Celeb-1Mで学習（いずれも研究用）",
    origin: "https://github.com/opencv/opencv_zoo（models/face_recognition_sface）",
    note: `${UNTESTED}位置合わせ、チャンネル、画素値はOpenCVのFaceRecognizerSFと同じです。`,
  },
};
